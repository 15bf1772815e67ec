#!/bin/bash
# What a restart or a shorter life takes from Redis was not removed; what another program removes was.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/eviction.sh"

test_what_another_program_removes_goes_from_a_durable_layer_above() {
	start_redis
	mount_above
	set_value a 1
	set_value b 2
	expect_value b 2
	redis cache-invalidate b >/dev/null
	expect_absent b
	# The server has evicted something, but long before.
	evict a
	set_value k value
	expect_value k value
	wait_until 30 it_goes k
	expect_absent k
	expect_value a 1
	restart_daemon
	expect_absent b
	expect_absent k
}

# Removed and set until the layer knows that nothing was evicted since it last saw the key.
it_goes() {
	set_value "$1" value
	redis cache-invalidate "$1" >/dev/null
	! cat "$MNT/$1" >/dev/null 2>&1
}

test_what_a_restarted_redis_does_not_have_was_not_removed() {
	start_redis
	mount_above
	set_value a 1
	expect_value a 1
	stop_redis
	start_redis
	wait_until 60 layer_is redis false
	expect_value a 1
	restart_daemon
	expect_value a 1
}

test_a_shorter_life_in_redis_is_not_a_removal() {
	start_redis
	mount_above '"default_ttl_s": 1'
	set_value k value
	expect_value k value
	in_redis k
	wait_until 30 not_in_redis k
	expect_value k value
	restart_daemon
	expect_value k value
}

run_tests
