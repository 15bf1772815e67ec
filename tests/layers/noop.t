#!/bin/bash
# noop accepts and forgets; layers of one type have names of their own.
. "$(dirname "$0")/../lib.sh"

test_noop_accepts_and_forgets() {
	mount_with '{"type": "noop"}'
	echo x >"$MNT/k"
	expect_absent k
	echo y >"$MNT/k"
	expect_miss k
	mkdir -p "$MNT/d/e"
	echo x >"$MNT/d/k"
	expect_absent d/k
	expect_list "" d
	expect_list d e
	rmdir "$MNT/d"
	expect_list "" ""
	expect sets 3 "$(jq .sets "$MNT/.cachefs/stats.json")"
	expect hits 0 "$(jq .hits "$MNT/.cachefs/stats.json")"
}

test_noop_over_a_real_layer_changes_nothing() {
	mount_with '{"layers": [{"type": "noop"}, {"type": "disk", "options": {"path": "db.sqlite"}}]}'
	set_value k value
	expect_value k value
	expect layers disk "$(get_xattr k user.cachefs.layers)"
	restart_daemon
	expect_value k value
}

test_two_layers_of_one_type() {
	mount_with '{"layers": [{"type": "lfu", "options": {"max_entries": 1}}, {"type": "lfu"}]}'
	set_value a 1
	set_value b 2
	expect "layers of a" lfu2 "$(get_xattr a user.cachefs.layers)"
	expect "layers of b" lfu,lfu2 "$(get_xattr b user.cachefs.layers)"
	expect_value a 1
}

test_what_only_noop_would_take_is_not_stored() {
	mount_with '{"layers": [{"type": "noop"}, {"type": "memory", "options": {"max_bytes": 100000}}]}'
	set_value small x
	expect_value small x
	head -c 200000 /dev/zero >large
	expect_error "File too large" cp large "$MNT/large"
	expect_miss large
}

run_tests
