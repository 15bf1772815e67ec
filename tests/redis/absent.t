#!/bin/bash
# A Redis that is absent, killed or hung: the mount goes on without it and uses it once it is there.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/faults.sh"

test_the_mount_comes_up_when_redis_is_absent_and_uses_it_once_it_is_there() {
	mount_three
	set_value k value
	expect_value k value
	expect down true "$(layer_stat shared down)"
	[[ $(layer_stat shared trouble) == *redis.sock* ]]
	expect "said once" 1 "$(grep -c '"shared" down' "$LOG")"
	start_redis
	wait_until 30 layer_is shared false
	wait_until 30 was_said '"shared" up again'
	set_value k2 value2
	expect "cache-get" value2 "$(redis cache-get k2)"
}

test_redis_alone_and_absent_is_misses_and_failed_sets() {
	mount_redis
	expect_list "" ""
	expect_miss k
	echo value >value
	expect_error "Input/output error" cp value "$MNT/k"
	start_redis
	wait_until 30 layer_is redis false
	set_value k value
	expect_value k value
}

test_a_killed_redis_costs_nothing_but_itself() {
	start_redis
	mount_three
	local i
	for ((i = 0; i < 20; i++)); do
		set_value "k$i" "v$i"
	done
	stop_redis
	for ((i = 0; i < 20; i++)); do
		expect_value "k$i" "v$i"
		set_value "k$i" "w$i"
	done
	rm "$MNT/k0"
	mv "$MNT/k1" "$MNT/moved"
	chmod 600 "$MNT/k2"
	expect down true "$(layer_stat shared down)"
	start_redis
	wait_until 30 layer_is shared false
	for ((i = 2; i < 20; i++)); do
		expect_value "k$i" "w$i"
	done
	expect_value moved w1
	expect_absent k0
	expect_absent k1
}

test_a_redis_that_hangs_at_the_start_does_not_keep_the_mount_from_coming_up() {
	start_redis
	stop_process "$REDIS_PID"
	local start
	start=$(now_ms)
	mount_three 20
	(($(now_ms) - start < 15000)) || fail "the mount took $(($(now_ms) - start)) ms"
	expect_list "" ""
	kill -CONT "$REDIS_PID"
	wait_until 30 layer_is shared false
	set_value k value
	expect "cache-get" value "$(redis cache-get k)"
}

# The value that is kept would have to go for it.
test_what_only_a_copy_could_change_is_refused_while_redis_is_away() {
	start_redis --appendonly yes --appendfsync always
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	set_value k value
	set_value moved here
	mkdir "$MNT/d"
	set_value d/below deep
	stop_redis
	expect_value k value
	expect_error "Input/output error" chmod 600 "$MNT/k"
	expect_error "Input/output error" mv "$MNT/moved" "$MNT/there"
	expect_error "Input/output error" mv "$MNT/d" "$MNT/e"
	start_redis --appendonly yes --appendfsync always
	wait_until 30 layer_is redis false
	restart_daemon
	expect_value k value
	expect_value moved here
	expect_value d/below deep
	expect_absent there
}

run_tests
