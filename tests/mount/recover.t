#!/bin/bash
# A dead mount is recovered by the next start; a live one is left alone; signals that the daemon obeys.
. "$(dirname "$0")/../lib.sh"

test_starting_again_recovers_a_dead_mount() {
	mount_stack
	set_value k value
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	expect_error "not connected" ls "$MNT"
	start_daemon "$TMP/cachefs.json"
	expect_value k value
	expect "mounts" 1 "$(grep -c " $MNT fuse" /proc/mounts)"
}

test_a_live_mount_is_left_alone() {
	mount_stack
	set_value k value
	expect_error "$MNT: a cachefs is already mounted here; use it, or unmount it first: " \
		"$CACHEFS" "$TMP/cachefs.json" "$MNT"
	expect_value k value
}

# A daemon that only sleeps cannot be told by its silence from one that hangs.
test_a_mount_that_does_not_answer_is_left_alone() {
	mount_stack
	set_value k value
	stop_process "$DAEMON_PID"
	local rc=0
	# The search for leaks would wait for the thread that waits for the daemon.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 "$CACHEFS" "$TMP/cachefs.json" "$MNT" 2>said || rc=$?
	kill -CONT "$DAEMON_PID"
	expect "exit status" 1 "$rc"
	grep -qF "$MNT: a cachefs is already mounted here, and does not answer; if its daemon is to be given up: umount -f" said
	expect_value k value
}

a_notification_waits() {
	grep -qs fuse_reverse_inval_entry /proc/"$1"/task/*/wchan
}

is_gone_from_mounts() {
	! is_mounted "$MNT"
}

# A lookup that waits for Redis holds the directory; the close of k has the kernel told of its new
# value, which waits for the directory. Ended then by this signal, the daemon cannot end, nor can who
# waits for it.
end_while_a_notification_waits() {
	local daemon caller
	start_redis
	printf '{"layers": [{"type": "memory"}, {"type": "redis", "options":
		{"unix_socket_path": "%s", "socket_timeout": 60}}], "write_strategy": "write_back",
		"cachefs": {"state_dir": "state"}}' "$TMP/redis.sock" >"$TMP/cachefs.json"
	"$CACHEFS" "$TMP/cachefs.json" "$MNT"
	daemon=$(mount_daemon)
	[[ $daemon ]] || skip "this kernel does not tell who serves a mount"
	echo "$daemon" >"$TMP/.daemon"
	set_value k old
	control flush
	open_reader r k
	open_writer w k
	tell w write new
	stop_process "$REDIS_PID"
	stat "$MNT/absent" 2>/dev/null &
	caller=$!
	wait_until 20 waits_for_the_daemon "$caller"
	tell w close
	wait_until 20 a_notification_waits "$daemon"
	kill "$1" "$daemon"
	wait_until 60 is_gone_from_mounts
	rm "$TMP/.daemon"
	wait "$caller" || true
	kill -CONT "$REDIS_PID"
	start_daemon "$TMP/cachefs.json"
	expect_value k new
}

test_a_daemon_killed_while_a_notification_waits_is_given_up() {
	end_while_a_notification_waits -KILL
}

test_a_daemon_that_dumps_core_while_a_notification_waits_is_given_up() {
	end_while_a_notification_waits -ABRT # a script in the background ignores SIGQUIT
}

logged() {
	grep -q "$1" "$2"
}

test_sigusr1_writes_the_statistics_to_the_log() {
	mount_stack
	set_value k value
	kill -USR1 "$DAEMON_PID"
	wait_until 20 logged 'statistics: ' "$LOG"
	expect "sets" 1 "$(sed -n 's/.*statistics: //p' "$LOG" | jq .sets)"
}

test_sighup_opens_the_log_anew() {
	mount_stack '"log_file": "log"'
	kill -USR1 "$DAEMON_PID"
	wait_until 20 logged 'statistics: ' log
	mv log old
	kill -HUP "$DAEMON_PID"
	wait_until 20 test -e log
	kill -USR1 "$DAEMON_PID"
	wait_until 20 logged 'cachefs.*info statistics: ' log
	expect "dumps in the old file" 1 "$(grep -c statistics: old)"
}

test_lines_for_the_journal_have_its_prefix() {
	printf '{"type": "memory"}' >cachefs.json
	exec {journal}>>"$LOG"
	JOURNAL_STREAM=$(stat -c %d:%i "$LOG") start_daemon "$TMP/cachefs.json"
	kill -USR1 "$DAEMON_PID"
	wait_until 20 logged '^<6>cachefs: info statistics: ' "$LOG"
}

run_tests
