#!/bin/bash
# A set that there is no room for is refused at write, before its close.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/foreseen.sh"

test_a_full_journal_is_told_at_write() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 0, "journal_max_mb": 1, "journal_wait": 0.2}}'
	set_value small old
	stop_redis
	letters value v 400000
	cp value "$MNT/k1"
	cp value "$MNT/k2"
	expect_write_error "write error: No space left on device" value k3
	expect_absent k3
	letters value w 400000
	cat value >"$MNT/k2" # in its own place there is room
	cmp value "$MNT/k2"
	expect_value small old
	start_redis
	wait_until 60 journal_is_empty
	cat value >"$MNT/k3"
	cmp value "$MNT/k3"
}

journal_is_empty() {
	[[ $(jq .journal.entries "$MNT/.cachefs/stats.json") = 0 ]]
}

# A layer in $TMP/store, whose disk another program fills: what does not fit, whatever it evicts, is refused at each
# write from the first refusal on, until there is room. What fits is not.
check_full() {
	letters new n 300000
	letters small s 3000
	cp small "$MNT/k"
	fill_up
	expect_error "No space left on device" cp new "$MNT/k"
	local i
	for i in 1 2 3; do
		expect_write_error "write error: No space left on device" new k
		cmp small "$MNT/k"
	done
	space_again
	cat new >"$MNT/k"
	cmp new "$MNT/k"
}

test_a_full_disk_below_files_is_told_at_write() {
	small_disk 2
	mount_with '{"type": "file", "options": {"directory": "store/files", "min_free_mb": 0}}'
	check_full
}

test_a_full_disk_below_files_with_nothing_to_evict_is_told_the_first_time() {
	small_disk 2
	mount_with '{"type": "file", "options": {"directory": "store/files", "min_free_mb": 0}}'
	fill_up
	expect_shell_error "No space left on device" 'echo v >"$MNT/k"'
	expect_absent k
	space_again
	in_shell 'echo v >"$MNT/k"'
	expect_value k v
}

test_a_full_disk_below_a_database_is_told_at_write() {
	small_disk 4
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"'"${1:+, $1}"'}}'
	check_full
}

test_a_full_disk_below_files_of_values_is_told_at_write() {
	test_a_full_disk_below_a_database_is_told_at_write '"inline_limit_kb": 64'
}

test_a_full_server_is_told_at_write() {
	start_redis --maxmemory-policy noeviction
	mount_redis
	letters value v 100000
	cp value "$MNT/k"
	redis CONFIG SET maxmemory 1 >/dev/null
	expect_error "No space left on device" cp value "$MNT/k2"
	expect_write_error "write error: No space left on device" value k2
	expect_absent k2
	redis CONFIG SET maxmemory 0 >/dev/null
	wait_until 60 set_succeeds value k2
	cmp value "$MNT/k2"
}

run_tests
