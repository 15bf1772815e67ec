#!/bin/bash
# At the end of the daemon, who waits for room, for the drain or for a publish is refused at once.
. "$(dirname "$0")/../lib.sh"

wait_in_the_daemon() {
	[[ $(jq .waits.waiting "$MNT/.cachefs/stats.json") = "$1" ]]
}

# mount_undrained: the journal has one value of 900000 bytes, which Redis is not there for, and no
# room for another. No deadline comes while a test runs.
mount_undrained() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "journal_max_mb": 1, "journal_wait": 600,
		"drain_timeout": 600, "publish_timeout": 600}}'
	stop_redis
	letters value v 900000
	cp value "$MNT/k1"
}

test_at_the_end_a_set_that_waits_for_room_is_refused_at_once() {
	mount_undrained
	open_writer a k2
	tell a truncate 900000
	begin_hand a close
	wait_until 60 wait_in_the_daemon 1
	kill -TERM "$DAEMON_PID"
	answers a ENOSPC
	await_daemon
	start_daemon "$TMP/cachefs.json"
	cmp value "$MNT/k1"
	expect_absent k2
}

test_at_the_end_a_write_that_waits_for_room_is_refused_at_once() {
	mount_undrained
	letters large l 900000
	(cat large >"$MNT/k2") 2>refusal &
	local writer=$!
	wait_until 60 wait_in_the_daemon 1
	kill -TERM "$DAEMON_PID"
	wait_until 60 has_ended "$writer"
	grep -q 'write error: No space left on device' refusal
	await_daemon
	start_daemon "$TMP/cachefs.json"
	expect_absent k2
}

begin_flush() {
	local control
	exec {control}>"$MNT/.cachefs/control"
	echo flush 2>refusal >&"$control" &
	FLUSHER=$!
	wait_until 60 waits_for_the_daemon "$FLUSHER"
}

flush_is_refused() {
	wait_until 60 has_ended "$FLUSHER"
	grep -q 'timed out' refusal
}

test_at_the_end_a_flush_that_waits_for_the_drain_is_refused_at_once() {
	mount_undrained
	begin_flush
	kill -TERM "$DAEMON_PID"
	flush_is_refused
	await_daemon
}

# What was written through a mapping is published when that ends, and nobody waits for it but flush.
test_at_the_end_a_flush_that_waits_for_a_publish_is_refused_at_once() {
	start_redis
	mount_redis '"socket_timeout": 600' '"drain_timeout": 600, "publish_timeout": 600'
	open_writer a k rw,creat
	tell a write old
	tell a map
	tell a close
	tell a poke 0 new
	stop_process "$REDIS_PID"
	tell a unmap
	begin_flush
	kill -TERM "$DAEMON_PID"
	flush_is_refused
	kill -CONT "$REDIS_PID"
	await_daemon
	expect "in Redis" new "$(redis --raw GET accuralai:cache:k)"
}

run_tests
