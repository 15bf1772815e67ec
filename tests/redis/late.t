#!/bin/bash
# A set whose answer never came may be carried out yet, when nobody expects it: after a newer set, after the key was
# invalidated.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/proxy.sh"

mount_late() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "redis", "name": "shared", "revalidate_ms": 60000, "options": {"unix_socket_path": "'"$1"'",
			"socket_timeout": 1, "socket_connect_timeout": 1}}], "cachefs": {"state_dir": "state"}}'
	wait_until 60 layer_is shared false
}

# The server is sent it, and does not answer.
set_unanswered() {
	set_value "$1" late
	expect_value "$1" late
	wait_until 60 layer_is shared true
}

test_what_a_stopped_server_carries_out_late_is_not_believed() {
	start_redis
	mount_late redis.sock
	local key
	for key in over gone dir/below; do
		mkdir -p "$MNT/dir"
		set_value "$key" old
		stop_process "$REDIS_PID"
		set_unanswered "$key"
		case $key in
		over) set_value over new ;;
		gone) rm "$MNT/gone" ;;
		dir/below) rmdir "$MNT/dir" ;;
		esac
		kill -CONT "$REDIS_PID"
		wait_until 60 layer_is shared false
		wait_until 60 layer_is_told shared
	done
	expect_value over new
	expect_theirs_not_older over new
	expect_absent gone
	expect "gone in the server" 0 "$(redis EXISTS accuralai:cache:gone)"
	expect_miss dir/below
	expect "dir/below in the server" 0 "$(redis EXISTS accuralai:cache:dir/below)"
	# Nor by who asks the server first, and does not know what it missed.
	unmount
	rm -rf db.sqlite* state
	start_daemon "$TMP/cachefs.json"
	wait_until 60 layer_is shared false
	expect_miss gone
	[[ $(cat "$MNT/over" 2>&1) != late ]] || fail "the late set is back"
}

test_that_what_is_late_cannot_be_kept_off_is_said() {
	start_redis
	redis ACL SETUSER default '-client|kill' >/dev/null
	mount_late redis.sock
	set_value k old
	stop_process "$REDIS_PID"
	set_unanswered k
	kill -CONT "$REDIS_PID"
	wait_until 60 layer_is shared false
	expect "said once" 1 "$(grep -c 'NOPERM.*client|kill' "$LOG")"
}

# The set is on its way until the server has long answered again, to others. It must not arrive any more.
hold_a_set() {
	start_redis
	start_proxy
	mount_late proxy.sock
	set_value "$1" old
	proxy_is hold
	set_unanswered "$1"
	proxy_is pass
	wait_until 60 layer_is shared false
	wait_until 60 layer_is_told shared
}

let_it_arrive() {
	proxy_is release
	wait_until 60 grep -q released proxy.said
}

test_a_set_that_arrives_late_does_not_replace_a_newer_one() {
	hold_a_set k
	set_value k new
	expect "before it arrives" new "$(redis cache-get k)"
	let_it_arrive
	expect "after it has arrived" new "$(redis cache-get k)"
	expect_value k new
}

test_a_set_that_arrives_late_does_not_bring_an_invalidated_key_back() {
	hold_a_set k
	rm "$MNT/k"
	let_it_arrive
	expect "the key in the server" 0 "$(redis EXISTS accuralai:cache:k)"
	expect_absent k
}

run_tests
