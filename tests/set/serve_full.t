#!/bin/bash
# "on_error": "serve" where a layer is full, too small, or passed by.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/serve.sh"

test_a_value_that_is_too_large_for_what_is_durable_stays_in_memory() {
	mount_serving '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	set_value k old
	random_file big 3000000
	cat big >"$MNT/k"
	cmp big "$MNT/k"
	expect layers memory "$(get_xattr k user.cachefs.layers)"
	expect counted 1 "$(number unkept_sets)"
	restart_daemon
	expect_miss k
}

test_a_full_disk_fails_no_job() {
	small_disk 2
	mount_serving '{"type": "file", "options": {"directory": "store/files"}}'
	set_value k old
	fill_up
	letters new n 30000
	local i
	for i in 1 2 3 4 5 6; do
		cp new "$MNT/k"
		cmp new "$MNT/k"
		cp new "$MNT/k$i"
	done
	cmp new "$MNT/k1"
	cmp new "$MNT/k6"
	[[ $(number unkept_sets) -ge 1 ]] || fail "the disk was not full"
	unmount
	start_daemon "$TMP/cachefs.json"
	[[ $(cat "$MNT/k" 2>&1 || true) != old ]] || fail "an older value is back"
}

test_a_layer_that_sets_pass_by_serves_what_no_other_takes() {
	start_redis
	mount_serving "$REDIS" '"write_strategy": "write_around"'
	set_value k old
	expect layers redis "$(get_xattr k user.cachefs.layers)"
	stop_redis
	set_value k new
	expect_value k new
	expect layers memory "$(get_xattr k user.cachefs.layers)"
	start_redis
	wait_until 60 layer_is redis false
	wait_until 60 layer_is_told redis
	expect_value k new
	set_value k newer
	expect layers redis "$(get_xattr k user.cachefs.layers)"
	expect_value k newer
}

test_a_full_journal_fails_no_job() {
	start_redis
	mount_serving "$REDIS" '"write_strategy": "write_back"' '"journal_max_mb": 1, "journal_wait": 0.1, "drain_timeout": 0'
	letters value v 300000
	stop_redis
	local i
	for i in 1 2 3 4 5 6; do
		cat value >"$MNT/k$i"
	done
	for i in 1 2 3 4 5 6; do
		cmp value "$MNT/k$i"
	done
	[[ $(number unkept_sets) -ge 2 ]] || fail "counted: $(number unkept_sets)"
	expect "lines of the log" 1 "$(times 'on_error: no layer')"
}

run_tests
