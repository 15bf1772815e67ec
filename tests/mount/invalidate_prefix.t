#!/bin/bash
# invalidate-prefix STRING removes all keys that begin with these bytes, in every layer, and only those.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/invalidate_prefix.sh"

# Over whatever is mounted.
prefixes_go() {
	set_keys
	invalidate_prefix prefix:
	expect_list "" $'d other prefix prefix;'
	is_gone prefix:a || fail "stat finds what the kernel still knows"
	expect_absent prefix:b
	met_nothing prefix:
	invalidate_prefix d/pre
	expect_list d "%_k %xk p q"
	invalidate_prefix d/%_
	expect_list d "%xk p q"
	met_nothing "d/%_"
	met_nothing "*"
	met_nothing /d
	invalidate_prefix d/q
	expect_absent d/q
	expect_value d/p/k d/p/k
	set_value prefix:a again
	expect_value prefix:a again
}

prefixes_stay_away_after_a_restart() {
	prefixes_go
	restart_daemon
	expect_list "" $'d other prefix prefix:a prefix;'
	expect_list d "%xk p"
	expect_value prefix:a again
}

test_of_memory() { mount_layers "$MEMORY" && prefixes_go; }
test_of_lfu() { mount_layers '{"type": "lfu"}' && prefixes_go; }
test_of_ttl() { mount_layers '{"type": "ttl"}' && prefixes_go; }
test_of_sqlite() { mount_layers "$DISK" && prefixes_stay_away_after_a_restart; }
test_of_json_files() { mount_layers "$FILE" && prefixes_stay_away_after_a_restart; }
test_of_redis() { mount_layers "$REDIS" && prefixes_stay_away_after_a_restart; }
test_of_memory_over_sqlite() { mount_layers "$MEMORY, $DISK" && prefixes_stay_away_after_a_restart; }
test_of_memory_over_redis_over_sqlite() { mount_layers "$MEMORY, $REDIS, $DISK" && prefixes_stay_away_after_a_restart; }
test_of_sqlite_over_json_files() { mount_layers "$DISK, $FILE" && prefixes_stay_away_after_a_restart; }
test_of_write_around() { mount_layers "$MEMORY, $DISK" '"write_strategy": "write_around"' && prefixes_stay_away_after_a_restart; }
test_of_write_back() { mount_layers "$MEMORY, $DISK" '"write_strategy": "write_back"' && prefixes_stay_away_after_a_restart; }
test_of_write_back_to_redis() { mount_layers "$MEMORY, $REDIS" '"write_strategy": "write_back"' && prefixes_stay_away_after_a_restart; }

test_of_nothing() {
	mount_layers '{"type": "noop"}'
	met_nothing k
}

run_tests
