#!/bin/bash
# Limits of entries and bytes hold at every instant, and the eldest entries go first.
. "$(dirname "$0")/../lib.sh"

# At most MAX keys and BYTES bytes at any time, and the newest is among them: fill MAX BYTES SIZE
fill() {
	local i count bytes
	for i in {1..8}; do
		random_file value "$3"
		cp value "$MNT/k$i"
		cmp value "$MNT/k$i"
		count=$(ls "$MNT" | wc -l)
		bytes=$(find "$MNT" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
		((count <= $1 && bytes <= $2)) || fail "after $i: $count keys, $bytes bytes"
	done
}

# The eldest go first, and not more of them than must.
test_limits_of_entries_hold_at_every_instant() {
	local json
	for json in '{"type": "memory", "options": {"max_entries": 3}}' \
		'{"type": "file", "options": {"directory": "files", "max_files": 3}}'; do
		mount_with "$json"
		fill 3 100000 10
		expect_list "" "k6 k7 k8"
		unmount
	done
	mount_with '{"type": "lfu", "options": {"max_entries": 3}}'
	fill 3 100000 10
	expect "entries" 3 "$(ls "$MNT" | wc -l)"
}

test_limits_of_bytes_hold_at_every_instant() {
	local json
	for json in '{"type": "memory", "options": {"max_bytes": 200000}}' \
		'{"type": "lfu", "options": {"max_bytes": 200000}}'; do
		mount_with "$json"
		fill 4 200000 45000
		expect "entries" 4 "$(ls "$MNT" | wc -l)"
		unmount
	done
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	fill 5 1048576 180000
	(($(ls "$MNT" | wc -l) >= 3)) || fail "only $(ls "$MNT") are left"
}

test_the_order_of_eviction_is_kept_over_a_restart() {
	mount_with '{"type": "file", "options": {"directory": "files", "max_files": 3}}'
	fill 3 100000 10
	restart_daemon
	set_value new x
	expect_list "" "k7 k8 new"
	unmount
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	fill 5 1048576 180000
	local eldest
	eldest=$(ls "$MNT" | head -n 1)
	restart_daemon
	cp value "$MNT/new"
	cmp value "$MNT/new"
	expect_absent "$eldest"
	cmp value "$MNT/k8"
}

run_tests
