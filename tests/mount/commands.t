#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# refused COMMAND TEXT: the write fails with EINVAL, and the log says TEXT.
refused() {
	expect_error "Invalid argument" control "$1"
	grep -qF -- "$2" "$LOG" || fail "\"$2\" is not in the log"
}

test_flush_syncs_the_layers() {
	mount_stack
	set_value k x
	control flush
	jq -e '.layers[] | select(.name == "disk") | .calls.sync.calls >= 1' \
		"$MNT/.cachefs/stats.json" >/dev/null
	control "flush some/prefix"
}

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

test_the_log_level_can_be_changed() {
	mount_stack
	control "log error"
	expect_error "Invalid argument" control nonsense
	! grep -q nonsense "$LOG" || fail "a warning was logged at level error"
	control "log warning"
	refused nonsense nonsense
}

test_what_is_no_command_is_refused_with_a_suggestion() {
	mount_stack
	set_value k x
	refused flsh 'unknown command "flsh"; did you mean "flush"?'
	refused "log inf" 'unknown log level "inf"; did you mean "info"?'
	refused "log" 'unknown log level ""'
	refused "invalidate" 'a prefix is needed'
	refused "invalidate-prefix" 'a string is needed'
	refused "invalidate-prefx k" 'did you mean "invalidate-prefix"?'
	refused "invalidate ../k" 'not a key'
	refused "invalidate a//b" 'not a key'
	refused "$(printf '%5000s' x)" 'a line is too long'
	expect_value k x
	control flush
}

test_commands_are_joined_from_pieces_and_obeyed_in_order() {
	mount_stack
	set_value k x
	# The exit of a child closes its copy of the descriptor: that does not end a line.
	{ printf inv; /bin/true; printf 'alidate k\nlo'; /bin/true; printf 'g info\n\n'; } \
		>"$MNT/.cachefs/control"
	expect_absent k
	set_value k x
	expect_error "Invalid argument" control $'flush\nnonsense\ninvalidate k'
	expect_value k x
}

test_a_last_line_without_newline_is_obeyed_at_close() {
	mount_stack
	set_value k x
	printf 'invalidate k' >"$MNT/.cachefs/control"
	wait_until 10 is_gone k
}

test_commands_can_be_written_and_not_read() {
	mount_stack
	expect_error "Permission denied" cat "$MNT/.cachefs/control"
	expect mode 200 "$(stat -c %a "$MNT/.cachefs/control")"
	expect_error "Operation not permitted" rm "$MNT/.cachefs/control"
	echo "log info" >>"$MNT/.cachefs/control"
}

run_tests
