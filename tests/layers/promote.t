#!/bin/bash
# When a get promotes a value to faster layers: always, never, or by how often it was got.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/strategy.sh"

test_always_promotes_with_the_first_get() {
	mount_layers "$MEMORY, $DISK"
	only_below k value
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
	expect promotions 1 "$(layer_stat fast promotions)"
	expect_value k value
	expect "hits of the fast layer" 1 "$(layer_stat fast hits)"
}

test_never_promotes_not() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "never"'
	only_below k value
	local i
	for i in 1 2 3; do
		expect_value k value
	done
	expect_layers k slow
}

test_frequency_based_promotes_when_the_gets_reach_the_threshold() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based", "promotion_threshold": 3'
	only_below k value
	expect_value k value
	expect_value k value
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_counts_survive_a_restart() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based"'
	only_below k value
	expect_value k value
	restart_daemon
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_counts_survive_an_overwrite() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based", "write_strategy": "write_around",
		"promotion_threshold": 3'
	set_value k one
	expect_value k one
	expect_value k one
	set_value k two
	expect_layers k slow
	expect_value k two
	wait_until 10 is_in_layers k fast,slow
	rm "$MNT/k"
	set_value k three
	expect_value k three
	expect_value k three
	expect_layers k slow
	echo four >"$MNT/k.tmp"
	mv "$MNT/k.tmp" "$MNT/k"
	expect_layers k slow
	expect_value k four
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_promotes_from_a_layer_that_keeps_no_hits() {
	start_redis
	mount_layers "$MEMORY, "'{"type": "redis", "name": "slow", "options": {"unix_socket_path": "redis.sock"}}' \
		'"promotion_strategy": "frequency_based"'
	only_below k value
	expect_value k value
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

test_promote_on_hit_false_is_never() {
	mount_with '{"type": "layered", "options": {"memory": {}, "disk": {"path": "db.sqlite"}, "promote_on_hit": false}}'
	set_value k value
	restart_daemon
	expect_value k value
	expect_value k value
	expect_layers k disk
}

test_the_threshold_is_in_the_effective_configuration() {
	mount_layers "$MEMORY, $DISK" '"promotion_threshold": 5'
	expect threshold 5 "$(jq .promotion_threshold "$MNT/.cachefs/config.json")"
}

run_tests
