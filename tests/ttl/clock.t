#!/bin/bash
# A TTL counts time that passes, whatever somebody sets the wall clock to.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/clock.sh"

# Whether an end comes when it was asked for: by_duration JSON
by_duration() {
	local step
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with "$1"
		mkdir "$MNT/d"
		set_value short value
		set_value long value
		set_value default value
		set_ttl short 3
		set_ttl long 1000
		set_ttl d 3
		set_value d/k value
		wall_clock_is_set "$step"
		expect_value long value
		expect_list d k
		wait_until 60 is_gone short
		wait_until 60 is_gone d/k
		expect_list d ""
		expect_value long value
		expect_value default value
		set_value later value
		set_ttl later 1
		wait_until 60 is_gone later
		expect_absent later
		expect_list "" "d default long"
		unmount
		rm -rf db.sqlite* files state
		[[ ! $REDIS_PID ]] || redis FLUSHALL >/dev/null
	done
}

test_a_ttl_counts_time_that_passes_in_memory() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"type": "memory"}'
}

test_a_ttl_counts_time_that_passes_on_disk() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration "$DISK"
}

test_a_ttl_counts_time_that_passes_in_files() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"type": "file", "options": {"directory": "files"}}'
}

test_a_ttl_counts_time_that_passes_in_redis() {
	with_a_clock_to_set "$HELPERS/clock.so"
	start_redis
	by_duration '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
}

# The journal keeps it: no slower layer can be written.
test_a_ttl_counts_time_that_passes_in_the_journal() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"layers": [{"type": "noop"}, {"type": "redis", "options": {"unix_socket_path": "nobody.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
}

test_a_layers_default_counts_time_that_passes() {
	local step
	with_a_clock_to_set "$HELPERS/clock.so"
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with '{"layers": [{"type": "memory", "options": {"default_ttl_s": 3}},
			{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 3}}]}'
		set_value k value
		wall_clock_is_set "$step"
		expect_value k value
		wait_until 60 is_gone k
		unmount
		rm -f db.sqlite*
	done
}

run_tests
