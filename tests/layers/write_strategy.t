#!/bin/bash
# Which layers a set goes to: write_through, write_around, and layers that cannot take it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/strategy.sh"

test_write_through_writes_every_layer() {
	mount_layers "$MEMORY, $DISK" '"write_strategy": "write_through"'
	set_value k value
	expect_layers k fast,slow
}

test_write_around_writes_all_but_the_fastest() {
	mount_layers "$MEMORY, {\"type\": \"lfu\", \"name\": \"middle\"}, $DISK" \
		'"write_strategy": "write_around", "promotion_strategy": "never"'
	set_value k value
	expect_layers k middle,slow
	expect_value k value
}

test_write_around_drops_the_copy_of_the_fastest() {
	mount_layers "$MEMORY, $DISK" '"write_strategy": "write_around"'
	set_value k old
	expect_value k old
	wait_until 10 is_in_layers k fast,slow
	set_value k new
	expect_layers k slow
	expect_value k new
	printf more >>"$MNT/k"
	expect_value k newmore
}

test_write_around_writes_a_single_layer() {
	mount_layers "$MEMORY" '"write_strategy": "write_around"'
	set_value k value
	expect_value k value
	expect_layers k fast
}

test_write_around_over_layers_that_are_all_durable() {
	mount_layers "${DISK//slow/quick}, ${DISK//db/db2}" \
		'"write_strategy": "write_around", "promotion_strategy": "never"'
	set_value k value
	expect_layers k slow
	restart_daemon
	expect_value k value
}

test_write_around_keeps_the_only_durable_layer() {
	mount_layers "$DISK, $MEMORY" '"write_strategy": "write_around"'
	set_value k value
	expect_layers k slow,fast
	grep -q 'only durable' "$LOG"
}

test_a_layer_that_cannot_take_a_value_passes_it_on_and_drops_its_old_one() {
	mount_layers "{\"type\": \"memory\", \"name\": \"fast\", \"options\": {\"max_bytes\": 10000}}, $DISK"
	set_value k old
	expect_layers k fast,slow
	random_file value 20000
	cat value >"$MNT/k"
	expect_layers k slow
	cmp value "$MNT/k"
	cmp value "$MNT/k"
	expect_layers k slow
}

run_tests
