#!/bin/bash
# The command invalidate removes a key, a prefix or everything, and the kernel knows.
. "$(dirname "$0")/../lib.sh"

test_invalidate_removes_a_prefix_and_the_kernel_knows() {
	mount_stack '"entry_timeout": 3600, "attr_timeout": 3600, "rmdir": "empty_only"'
	mkdir -p "$MNT/a/b"
	set_value a/b/k1 x
	set_value a/b/k2 x
	set_value a/c x
	set_value ab x
	stat "$MNT/a/b/k1" "$MNT/a/c" >/dev/null
	control "invalidate a/b"
	is_gone a/b/k1 || fail "stat finds what the kernel still knows"
	expect_absent a/b/k1
	expect_absent a/b
	expect_value a/c x
	control "invalidate /a/"
	expect_absent a
	expect_value ab x
	restart_daemon
	expect_list "" ab
}

test_invalidate_everything_reaches_keys_that_no_path_can_spell() {
	mount_stack
	mkdir "$MNT/a"
	set_value a/b x
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, updated_at) VALUES('.', 'x', 1), ('..', 'x', 1),
		('a', 'x', 1), ('e//f', 'x', 1), ('z', 'x', 1), (printf('%.300c', 'l'), 'x', 1)"
	control "invalidate /"
	expect_list ""
	expect "rows" 0 "$(sqlite3 db.sqlite 'SELECT count(*) FROM cache')"
}

test_invalidate_removes_one_key() {
	mount_stack '"entry_timeout": 3600, "attr_timeout": 3600'
	set_value "two words" x
	set_value other x
	stat "$MNT/two words" >/dev/null
	control "invalidate two words"
	is_gone "two words" || fail "stat finds what the kernel still knows"
	expect_absent "two words"
	expect_error "No such file" control "invalidate absent/key"
	expect_error "No such file" control "invalidate absent"
	expect_list "" other
}

test_invalidate_of_the_root_removes_everything() {
	mount_stack
	mkdir "$MNT/d" "$MNT/empty"
	local i
	for i in {1..200}; do
		: >"$MNT/d/k$i"
		echo x >"$MNT/k$i"
	done
	control "invalidate /"
	expect_list "" ""
	set_value k1 new
	expect_value k1 new
}

test_invalidate_drops_what_is_pending() {
	mount_stack
	mkdir "$MNT/d"
	open_writer a d/k
	tell a write half
	control "invalidate d"
	tell a close
	expect_absent d/k
}

test_a_command_that_met_nothing_does_not_keep_the_next_from_being_obeyed() {
	mount_stack
	set_value k x
	set_value p:k x
	printf '%s\n' "invalidate absent" "invalidate k" "invalidate-prefix q:" "invalidate-prefix p:" >lines
	expect_error "No such file" dd if=lines of="$MNT/.cachefs/control" bs=1000
	expect_list "" ""
	expect_error "No such file" control "invalidate /"
	! grep -q 'a command failed' "$LOG" || fail "to meet nothing is no trouble"
}

run_tests
