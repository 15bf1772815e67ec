#!/bin/bash
# The daemon ends cleanly with SIGTERM or SIGINT, and leaves other mounts alone.
. "$(dirname "$0")/../lib.sh"

test_sigterm_unmounts_cleanly() {
	mount_stack
	set_value k value
	kill -TERM "$DAEMON_PID"
	await_daemon
	if is_mounted; then
		fail "still mounted"
	fi
	start_daemon "$TMP/cachefs.json"
	expect_value k value
}

test_sigint_unmounts_cleanly() {
	printf '{"type": "memory"}' >cachefs.json
	env --default-signal=INT "$CACHEFS" -f cachefs.json "$MNT" </dev/null >>"$LOG" 2>&1 &
	DAEMON_PID=$!
	wait_until 20 daemon_is_up
	kill -INT "$DAEMON_PID"
	await_daemon
	if is_mounted; then
		fail "still mounted"
	fi
}

test_sigterm_ends_it_while_a_file_is_open() {
	mount_stack
	set_value k value
	open_reader r k
	kill -TERM "$DAEMON_PID"
	await_daemon
}

test_a_daemon_that_ends_leaves_another_mount_in_its_place_alone() {
	local first
	mount_with '{"type": "memory"}'
	set_value k old
	open_reader r k
	first=$DAEMON_PID
	at_end "! grep -qs cachefs /proc/$first/cmdline || kill -9 $first"
	umount -l "$MNT"
	expect_read r old
	cp cachefs.json second.json
	start_daemon second.json
	set_value k new
	kill -TERM "$first"
	wait "$first"
	expect_value k new
}

run_tests
