#!/bin/bash
# A Redis that is busy, drops its connections, or missed very many removals.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/faults.sh"

test_a_redis_that_is_busy_with_a_script_is_away() {
	start_redis
	mount_three
	set_value k value
	redis CONFIG SET busy-reply-threshold 1 >/dev/null
	redis EVAL 'while true do end' 0 >/dev/null 2>&1 || true &
	wait_until 30 it_is_busy
	set_value k new
	expect_value k new
	expect down true "$(layer_stat shared down)"
	[[ $(layer_stat shared trouble) == *BUSY* ]] || fail "trouble: $(layer_stat shared trouble)"
	! was_said 'takes no sets' || fail "it was not asked to take any"
	redis SCRIPT KILL >/dev/null
	wait_until 30 layer_is shared false
	wait_until 30 theirs_is_gone k
}

it_is_busy() {
	redis PING 2>&1 | grep -q BUSY
}

test_an_empty_or_dropped_connection_is_made_again() {
	start_redis
	mount_redis
	set_value k value
	redis CLIENT KILL TYPE normal SKIPME yes >/dev/null
	expect_value k value
	set_value k new
	expect_value k new
}

# More of them than were once remembered one by one: then all that anybody keeps there was removed.
test_many_directories_removed_while_redis_is_away_leave_all_else_in_it() {
	start_redis --appendonly yes --appendfsync always
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "name": "shared",
		"options": {"unix_socket_path": "redis.sock"}}], "cachefs": {"state_dir": "state"}}'
	local i
	mkdir "$MNT/own"
	set_value own/live v
	for ((i = 0; i < 300; i++)); do
		mkdir "$MNT/d$i"
		set_value "d$i/f" v
		echo "SET accuralai:cache:other-mount/$i v"
	done >commands
	redis <commands >/dev/null
	stop_redis
	for ((i = 0; i < 300; i++)); do
		control "invalidate-prefix d$i/"
	done
	expect distrusted false "$(layer_stat shared distrusted)"
	start_redis --appendonly yes --appendfsync always
	wait_until 60 layer_is shared false
	wait_until 60 layer_is_told shared
	expect "of another mount" v "$(redis GET accuralai:cache:other-mount/299)"
	expect "all of them" 300 "$(redis --raw KEYS 'accuralai:cache:other-mount/*' | wc -l)"
	expect_value own/live v
	expect "removed" 0 "$(redis --raw KEYS 'accuralai:cache:d*/f' | grep -c . || true)"
}

run_tests
