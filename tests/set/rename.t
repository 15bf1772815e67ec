#!/bin/bash
# rename moves a key in all layers, with its metadata.
. "$(dirname "$0")/../lib.sh"

test_rename_moves_a_key() {
	mount_stack
	set_value a value
	mv "$MNT/a" "$MNT/b"
	expect_absent a
	expect_value b value
	restart_daemon
	expect_absent a
	expect_value b value
}

test_rename_over_a_key_is_an_atomic_set() {
	mount_stack
	set_value k old
	set_value t new
	open_reader r k
	mv "$MNT/t" "$MNT/k"
	expect_value k new
	expect_read r old
	expect_absent t
}

test_a_handle_follows_its_file_through_rename() {
	mount_stack
	open_writer w a
	tell w write "first "
	mv "$MNT/a" "$MNT/b"
	tell w write second
	tell w close
	expect_value b "first second"
	expect_absent a
}

test_rename_into_another_directory() {
	mount_stack
	mkdir "$MNT/d"
	set_value k value
	mv "$MNT/k" "$MNT/d/k"
	expect_value d/k value
	expect_absent k
}

test_no_instant_at_which_neither_name_resolves() {
	mount_stack
	set_value a value
	(for ((i = 0; i < 200; i++)); do
		mv -T "$MNT/a" "$MNT/b"
		mv -T "$MNT/b" "$MNT/a"
	done) &
	local mover=$! found
	while kill -0 "$mover" 2>/dev/null; do
		# a, then b, then a again: it was at b in between, or at a before or after
		found=$(cat "$MNT/a" 2>/dev/null || cat "$MNT/b" 2>/dev/null || cat "$MNT/a" 2>/dev/null || echo moved-twice)
		[[ $found = value || $found = moved-twice ]] || fail "found \"$found\""
	done
	wait "$mover"
	expect_value a value
}

test_a_temporary_file_renamed_over_a_key_is_never_missed() {
	mount_stack
	set_value k 0
	(for ((i = 1; i <= 200; i++)); do
		echo "$i" >"$MNT/.tmp"
		mv -T "$MNT/.tmp" "$MNT/k"
	done) &
	local writer=$! last=0 got
	while kill -0 "$writer" 2>/dev/null; do
		got=$(<"$MNT/k")
		((got >= last)) || fail "got $got after $last"
		last=$got
	done
	wait "$writer"
	expect_value k 200
}

# The kernel knows the file by the writer's inode, and finds the entry's by its second look.
test_a_rename_to_its_own_name_changes_nothing() {
	mount_stack
	expect "values" "old new" "$(python3 -ES - "$MNT/k" <<-'END'
		import os, sys
		path = sys.argv[1]
		with open(path, "w") as file:
		    file.write("old")
		fd = os.open(path, os.O_RDWR)
		os.pwrite(fd, b"new", 0)
		os.rename(path, path)
		before = open(path).read()
		os.close(fd)
		print(before, open(path).read())
	END
	)"
}

run_tests
