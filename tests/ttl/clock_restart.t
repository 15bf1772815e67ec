#!/bin/bash
# A step of the wall clock before a restart: the next daemon, and others, agree on the ends.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/clock.sh"

# restarted_after_a_step JSON: what is stored says the same to the next daemon, and to the package.
restarted_after_a_step() {
	local step
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with "$1"
		set_value before value
		set_ttl before 1000
		wall_clock_is_set "$step"
		set_value after value
		set_ttl after 1000
		set_value short value
		set_ttl short 1
		wait_until 60 is_gone short
		restart_daemon
		expect_value before value
		expect_value after value
		expect_absent short
		[[ $(get_xattr after user.cachefs.ttl) == 9[0-9][0-9].* ]] || fail "ttl $(get_xattr after user.cachefs.ttl)"
		[[ $(get_xattr before user.cachefs.ttl) == 9[0-9][0-9].* ]] || fail "ttl $(get_xattr before user.cachefs.ttl)"
		unmount
		rm -rf db.sqlite* files state
	done
}

test_a_ttl_is_remembered_over_a_step_and_a_restart() {
	with_a_clock_to_set "$HELPERS/clock.so"
	restarted_after_a_step "$DISK"
	restarted_after_a_step '{"type": "file", "options": {"directory": "files"}}'
	restarted_after_a_step '{"layers": [{"type": "noop"}, {"type": "redis", "options": {"unix_socket_path": "nobody.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
}

test_daemons_that_started_before_and_after_a_step_agree() {
	with_a_clock_to_set "$HELPERS/clock.so"
	wall_clock_is_set 0
	mount_with "$DISK"
	wall_clock_is_set 36000
	mkdir other
	"$CACHEFS" -f cachefs.json other </dev/null >>"$LOG" 2>&1 &
	at_end "fusermount3 -u -q $TMP/other"
	wait_until 60 is_mounted "$TMP/other"
	set_value k value
	set_ttl k 1000
	echo theirs >other/l
	setfattr -n user.cachefs.ttl -v 1000 other/l
	wait_until 60 eval '[[ $(cat other/k 2>/dev/null) == value ]]'
	expect_value l theirs
	expect_value k value
	fusermount3 -u other
}

# The server carries expiries out, by its own clock.
test_a_ttl_that_is_given_when_the_whole_machines_clock_has_been_set_holds_in_redis() {
	with_a_clock_to_set "$HELPERS/clock.so"
	wall_clock_is_set 0
	CLOCK_OFFSET=$TMP/offset LD_PRELOAD=$HELPERS/clock.so start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	local step
	for step in 36000 -36000; do
		wall_clock_is_set "$step"
		set_value k value
		set_ttl k 1000
		expect_value k value
		(($(redis PTTL accuralai:cache:k) > 900000 && $(redis PTTL accuralai:cache:k) <= 1001000)) ||
			fail "PTTL $(redis PTTL accuralai:cache:k)"
	done
}

run_tests
