#!/bin/bash
# A Redis that comes back with old data, or with none, is not believed; one that has all it took is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/faults.sh"

# What it holds of before is what it had missed: kept by the server's own persistence.
test_what_redis_missed_does_not_come_back_with_it() {
	start_redis --appendonly yes --appendfsync always
	mount_three
	mkdir "$MNT/d"
	set_value k old
	set_value gone old
	set_value d/below old
	stop_redis
	set_value k new
	rm "$MNT/gone"
	rmdir "$MNT/d"
	unmount
	rm -f db.sqlite*
	start_redis --appendonly yes --appendfsync always
	expect "the server's old value" old "$(redis cache-get gone)"
	start_daemon "$TMP/cachefs.json"
	wait_until 30 layer_is shared false
	expect_absent gone
	expect_miss k
	expect_miss d/below
	wait_until 30 nothing_is_left_of gone
}

nothing_is_left_of() {
	! redis cache-get "$1" >/dev/null 2>&1
}

test_a_redis_that_comes_back_empty_takes_new_sets() {
	start_redis
	mount_three
	set_value k value
	stop_redis
	start_redis
	wait_until 30 layer_is shared false
	expect_value k value
	set_value k new
	expect_value k new
	expect "cache-get" new "$(redis cache-get k)"
}

# Its snapshot is of before what it had acknowledged: a newer value, removals.
test_a_redis_that_comes_back_with_an_older_snapshot_is_not_believed() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "redis", "name": "shared", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
	mkdir "$MNT/d" "$MNT/e"
	set_value k old
	set_value gone old
	set_value from old
	set_value d/below old
	set_value e/below old
	set_value kept value
	redis SAVE >/dev/null
	set_value k new
	rm "$MNT/gone"
	mv "$MNT/from" "$MNT/to"
	rmdir "$MNT/d"
	mv "$MNT/e" "$MNT/f"
	stop_redis
	start_redis
	wait_until 30 layer_is shared false
	expect_value k new
	expect_value to old
	expect_value f/below old
	local key
	for key in gone from d/below e/below; do
		expect_absent "$key"
	done
	expect_list "" "f k kept to"
	expect "said once" 1 "$(grep -c 'came back without changes' "$LOG")"
	for key in k gone from d/below e/below; do
		wait_until 30 theirs_is_gone "$key"
	done
	restart_daemon
	wait_until 30 layer_is shared false
	expect_list "" "f k kept to"
	expect "layers" disk,shared "$(get_xattr kept user.cachefs.layers)"
}

test_a_redis_that_comes_back_with_all_that_it_took_is_believed() {
	start_redis --appendonly yes --appendfsync always
	mount_redis
	mkdir "$MNT/d"
	set_value k old
	set_value moved value
	set_value d/below old
	set_value touched value
	set_value k new
	rmdir "$MNT/d"
	mkdir "$MNT/d"
	mv "$MNT/moved" "$MNT/d/moved"
	chmod 600 "$MNT/touched"
	set_value again old
	rm "$MNT/again"
	set_value again new
	stop_redis
	start_redis --appendonly yes --appendfsync always
	wait_until 30 layer_is redis false
	expect_value k new
	expect_value d/moved value
	expect_value again new
	expect mode 600 "$(stat -c %a "$MNT/touched")"
	expect_list "" "again d k touched"
	expect "what it lost" 0 "$(grep -c 'came back without' "$LOG" || true)"
}

run_tests
