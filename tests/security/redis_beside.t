#!/bin/bash
# As redis_replies.t, of answers that are of no use but that they came: never an end of the daemon, never a hang, never another value, and
# when it answers as a server does again, all is well.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/hostile.sh"

TEST_SECONDS=600

test_any_answer_to_what_is_said_beside() {
	local command way ways=(type nil negative extra nested error closed) i=0
	mount_hostile
	prepare
	for command in ZREM CLIENT INFO WATCH MULTI SELECT PING ZCARD SCAN UNLINK; do
		((i += 3))
		for way in ${LONG:+"${ways[@]}"} "${ways[i % 7]}" "${ways[(i + 1) % 7]}" "${ways[(i + 2) % 7]}"; do
			proxy_is "$command $way"
			redis CLIENT KILL TYPE normal >/dev/null
			redis ZADD cachefs:index:accuralai:cache: 0 "gone$way" >/dev/null
			use_it "$command $way"
		done
		proxy_is pass
		wait_until 60 is_well
	done
	unmount
}

test_a_set_that_the_server_aborts_fails_at_once_and_nothing_waits_for_the_end() {
	mount_hostile
	prepare
	proxy_is "EXEC nil"
	expect_error "Input/output error" cp value "$MNT/new"
	kill "$DAEMON_PID"
	await_daemon
}

# What waits for a server is cut when the mount ends, however long it would wait.
test_nothing_holds_the_end_up() {
	start_hostile
	mount_with '{"layers": [{"type": "redis", "name": "shared", "options": {"unix_socket_path": "proxy.sock",
		"socket_timeout": 3000}}], "cachefs": {"state_dir": "state"}}'
	wait_until 60 layer_is shared false
	prepare
	proxy_is "EXEC huge"
	cat "$MNT/k" >/dev/null 2>&1 &
	local reader=$!
	wait_until 60 grep -q 'EXEC huge' damaged
	kill "$DAEMON_PID"
	await_daemon
	wait $reader || true
}

run_tests
