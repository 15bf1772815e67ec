#!/bin/bash
# With a kernel that has a timeout of requests, a wait for the journal is no longer than a request may be; the
# log says the limits.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/request_timeout.sh"

# mount_journal [SETTINGS]: write_back over a database that another program keeps to itself.
mount_journal() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "journal_wait": 600,
		"publish_timeout": 600, "drain_timeout": 1'"${1:+, $1}"'}}'
	lock_database EXCLUSIVE
}

test_a_set_waits_for_room_in_the_journal_no_longer_than_a_request_may() {
	with_timeout 20
	mount_journal '"journal_max_mb": 1'
	letters big b 1000000
	cp big "$MNT/first"
	expect_error "No space left on device" cp big "$MNT/second"
	unlock_database
	expect "the first" "$(cksum <big)" "$(cksum <"$MNT/first")"
}

test_flush_waits_no_longer_than_a_request_may() {
	with_timeout 8
	mount_journal
	set_value k v
	expect_error "timed out" bash -c 'echo flush >"$0/.cachefs/control"' "$MNT"
	unlock_database
}

test_the_log_says_both_limits_when_they_bite() {
	with_timeout 40
	mount_stack
	log_says "default_request_timeout = 40, fs.fuse.max_request_timeout = 40): asking for 40 s, answering within 30000 ms" ||
		fail "the log says nothing of it"
}

test_nothing_is_asked_for_where_the_kernel_has_no_limit() {
	[[ $(cat /proc/sys/fs/fuse/{default,max}_request_timeout 2>/dev/null | paste -sd' ') =~ ^(0 0)?$ ]] ||
		skip "this kernel has a limit"
	mount_stack
	! log_says request_timeout || fail "$(<"$LOG")"
}

run_tests
