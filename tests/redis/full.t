#!/bin/bash
# A Redis without memory left takes no sets, and nothing is lost.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/faults.sh"

test_a_redis_without_memory_left_takes_no_sets_and_nothing_is_lost() {
	start_redis
	mount_three
	set_value k value
	redis CONFIG SET maxmemory-policy noeviction >/dev/null
	redis CONFIG SET maxmemory 1 >/dev/null
	set_value k new
	set_value other value
	expect_value k new
	expect_value other value
	expect "its old value" 0 "$(redis EXISTS accuralai:cache:k)"
	expect "said once" 1 "$(grep -c 'takes no sets' "$LOG")"
	expect trouble "takes no sets" "$(layer_stat shared trouble)"
	restart_daemon
	expect_value k new
	redis CONFIG SET maxmemory 0 >/dev/null
	set_value k newer
	expect "cache-get" newer "$(redis cache-get k)"
}

test_a_full_redis_alone_refuses_a_set_and_keeps_the_old_value() {
	start_redis
	mount_redis
	set_value k value
	redis CONFIG SET maxmemory 1 >/dev/null
	echo new >new
	expect_error "No space left" cp new "$MNT/k"
	expect_value k value
	rm "$MNT/k"
	expect_absent k
}

run_tests
