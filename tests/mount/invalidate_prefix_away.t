#!/bin/bash
# invalidate-prefix reaches what is not drained yet, and a layer that is away, later.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/invalidate_prefix.sh"

# What the journal still holds, for the slower layer is away, and what that has of before.
test_of_what_is_not_drained_yet() {
	start_redis --save "" --appendonly yes
	mount_with '{"layers": ['"$MEMORY, $REDIS"'], "write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 1}}'
	set_value prefix:drained old
	control flush
	stop_redis
	set_keys
	invalidate_prefix prefix:
	expect_list "" $'d other prefix prefix;'
	restart_daemon
	expect_list "" $'d other prefix prefix;'
	start_redis --save "" --appendonly yes
	wait_until 60 layer_is redis false
	control flush
	expect_absent prefix:drained
	expect_absent prefix:a
	expect_value other other
	wait_until 60 gone_from_redis prefix:drained
	expect "in Redis" 0 "$(redis --raw EXISTS accuralai:cache:prefix:a)"
}

gone_from_redis() {
	[[ $(redis --raw EXISTS "accuralai:cache:$1") = 0 ]]
}

# A layer that could not be asked is told later, also after a restart, and nothing of it is seen till then.
test_of_a_layer_that_is_away() {
	start_redis --appendonly yes
	mount_with '{"layers": ['"$DISK, $REDIS"'], "cachefs": {"state_dir": "state"}}'
	set_keys
	stop_redis
	invalidate_prefix prefix:
	invalidate_prefix nobody-knows
	control "invalidate nobody-knows-either"
	control "invalidate other"
	expect_list "" $'d prefix prefix;'
	restart_daemon
	expect_list "" $'d prefix prefix;'
	start_redis --appendonly yes
	wait_until 60 layer_is redis false
	expect_absent prefix:a
	expect_absent other
	wait_until 60 gone_from_redis prefix:a
	expect_list "" $'d prefix prefix;'
	expect "in Redis" 1 "$(redis --raw EXISTS accuralai:cache:prefix)"
	wait_until 60 layer_is_told redis
	met_nothing nobody-knows
	expect_error "No such file" control "invalidate nobody-knows-either"
}

# By a name that nothing else has, so that memory alone knows of nothing.
test_what_only_a_layer_that_is_away_has_does_not_come_back() {
	start_redis --appendonly yes
	mount_with '{"layers": ['"$MEMORY, $REDIS"'], "cachefs": {"state_dir": "state"}}'
	set_value k value
	set_value d:k value
	restart_daemon
	stop_redis
	control "invalidate k"
	invalidate_prefix d:
	start_redis --appendonly yes
	wait_until 60 layer_is redis false
	expect_absent k
	expect_absent d:k
	restart_daemon
	expect_absent k
	expect_list "" ""
}

run_tests
