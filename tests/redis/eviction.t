#!/bin/bash
# What Redis evicts was not removed by anybody: a durable layer that is asked before it keeps its copy.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/eviction.sh"

test_what_redis_evicts_stays_in_a_durable_layer_above() {
	start_redis
	mount_above
	set_value a 1
	set_value b 2
	set_value c 3
	expect_value a 1
	expect "layers" memory,disk,redis "$(get_xattr a user.cachefs.layers)"
	evict a b
	expect_value a 1
	expect "size by stat" 1 "$(stat -c %s "$MNT/b")"
	expect_value b 2
	expect_value c 3
	expect_list "" "a b c"
	expect "layers" memory,disk "$(get_xattr a user.cachefs.layers)"
	restart_daemon
	expect_value a 1
	expect_value b 2
}

# Redis is all that keeps it: then it is a miss.
test_what_redis_evicts_does_not_stay_in_memory_alone() {
	start_redis
	mount_shared
	set_value k value
	expect_value k value
	evict k
	expect_absent k
}

run_tests
