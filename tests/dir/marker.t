#!/bin/bash
# An empty directory stays by a marker; a directory with keys needs none.
. "$(dirname "$0")/../lib.sh"

test_mkdir_keeps_an_empty_directory() {
	mount_stack
	mkdir -m 750 "$MNT/d"
	restart_daemon
	test -d "$MNT/d"
	expect mode 750 "$(stat -c %a "$MNT/d")"
	expect_list "" d
}

test_mkdir_survives_the_death_of_the_daemon() {
	mount_stack
	mkdir "$MNT/d"
	kill_daemon
	test -d "$MNT/d"
}

test_a_stack_without_a_durable_layer_keeps_directories_while_it_runs() {
	mount_with '{"type": "memory", "options": {"max_entries": 2}}'
	mkdir "$MNT/d" "$MNT/e" "$MNT/f"
	set_value d/k value
	rm "$MNT/d/k"
	expect_list "" "d e f"
}

test_mkdir_over_something_fails() {
	mount_stack
	set_value k value
	mkdir "$MNT/d"
	expect_error "File exists" mkdir "$MNT/k"
	expect_error "File exists" mkdir "$MNT/d"
	expect_error "No such file" mkdir "$MNT/absent/d"
	expect_error "Not a directory" mkdir "$MNT/k/d"
}

test_a_directory_is_no_file() {
	mount_stack
	mkdir "$MNT/d"
	expect_error "Is a directory" cat "$MNT/d"
	expect_error "Is a directory" bash -c 'echo x >"$1"' _ "$MNT/d"
	expect links 1 "$(stat -c %h "$MNT/d")"
}

test_a_directory_without_a_marker_goes_with_its_last_key() {
	mount_stack
	unmount
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		VALUES('x/y/k', 'foreign', NULL, 1700000000.5)"
	start_daemon "$TMP/cachefs.json"
	expect_value x/y/k foreign
	expect mtime 1700000000 "$(stat -c %Y "$MNT/x/y/k")"
	rm "$MNT/x/y/k"
	expect_absent x
}

test_a_directory_is_renamed_with_all_that_is_below_it() {
	mount_stack
	mkdir -p "$MNT/a/sub" "$MNT/a/empty"
	set_value a/k 1
	set_value a/sub/k 2
	open_reader r a/sub/k
	mv "$MNT/a" "$MNT/b"
	expect_absent a
	expect_value b/k 1
	expect_value b/sub/k 2
	expect_read r 2
	tell r close
	restart_daemon
	expect_value b/sub/k 2
	test -d "$MNT/b/empty"
	expect_list "" b
}

test_a_writer_below_a_renamed_directory_publishes_at_the_new_name() {
	mount_stack
	mkdir "$MNT/a"
	open_writer w a/k
	tell w write value
	mv "$MNT/a" "$MNT/b"
	tell w close
	expect_value b/k value
	expect_absent a
}

test_rename_over_directories_obeys_the_rules() {
	mount_stack
	mkdir -p "$MNT/a" "$MNT/full" "$MNT/empty"
	set_value a/k value
	set_value full/k value
	set_value k value
	expect_error "not empty" mv -T "$MNT/a" "$MNT/full"
	mv -T "$MNT/a" "$MNT/empty"
	expect_value empty/k value
	expect_error "director" mv -T "$MNT/empty" "$MNT/k"
	expect_error "director" mv -T "$MNT/k" "$MNT/empty"
	expect_error "Invalid argument" python3 -c 'import os, sys; os.rename(*sys.argv[1:])' \
		"$MNT/empty" "$MNT/empty/below"
}

run_tests
