#!/bin/bash
# Temporary files that no layer takes stay, are tried again, and are named in the log if they are lost.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_what_no_layer_takes_now_is_tried_again() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	stop_redis
	set_value a.tmp a
	set_value b.tmp b
	wait_until 30 log_says "cannot be stored"
	expect_value a.tmp a
	expect "said" 1 "$(grep -c "cannot be stored" "$LOG")"
	start_redis
	wait_until 60 scratch_files_are 0
	expect_value a.tmp a
	kill_daemon
	expect_value a.tmp a
	expect_value b.tmp b
}

test_what_is_too_large_for_all_layers_stays_a_temporary_file() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 50000}}], "cachefs": {'"$AT_ONCE"'}}'
	random_file whole 60000
	cp whole "$MNT/k.tmp"
	wait_until 30 log_says "cannot be stored.*k.tmp"
	set_value small.tmp x
	wait_until 30 scratch_files_are 1
	cmp whole "$MNT/k.tmp"
	truncate -s 1000 "$MNT/k.tmp"
	wait_until 30 scratch_files_are 0
	head -c 1000 whole | cmp - "$MNT/k.tmp"
}

test_what_no_layer_takes_at_the_end_is_named_and_there_after_the_next_start() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	stop_redis
	set_value k.tmp value
	random_file big.part 3000000
	cp big.part "$MNT/big.part"
	unmount
	log_says '"k.tmp" cannot be stored at the end' || fail "the log does not name it"
	log_says '"big.part" cannot be stored at the end' || fail "the log does not name it"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	log_says "2 temporary files of an earlier run" || fail "the log does not tell of what waits"
	start_redis
	wait_until 60 is_in redis big.part
	wait_until 60 is_in redis k.tmp
	expect_value k.tmp value
	cmp big.part "$MNT/big.part"
	wait_until 30 nothing_is_synced
}

test_an_end_that_has_to_drop_one_names_it() {
	start_redis
	over "$REDIS"
	set_value k.tmp value
	stop_redis
	rm -rf state
	: >state
	unmount
	log_says '"k.tmp" is lost' || fail "the log does not name it"
}

run_tests
