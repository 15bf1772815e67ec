#!/bin/bash
# .cachefs/control obeys commands, one a line, and refuses what is none.
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
