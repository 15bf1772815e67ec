#!/bin/bash
# The ttl layer gives every entry an end; when layers remove what has expired.
. "$(dirname "$0")/../lib.sh"

layer_has() {
	[[ $(layer_stat "$1" "$2") = "$3" ]]
}

test_ttl_caps_every_entry_at_an_hour_by_default() {
	mount_with '{"type": "ttl"}'
	set_value k value
	local ttl
	ttl=$(get_xattr k user.cachefs.ttl)
	[[ $ttl == 3[56][0-9][0-9]* ]] || fail "ttl is \"$ttl\""
	set_value short value
	set_ttl short 5
	[[ $(get_xattr short user.cachefs.ttl) == [45]* ]]
}

test_ttl_obeys_its_option() {
	mount_with '{"type": "ttl", "options": {"default_ttl_s": 0.5}}'
	set_value k value
	wait_until 10 is_gone k
	expect_absent k
	mkdir "$MNT/d"
	expect_list "" d
}

test_an_outer_default_ttl_is_the_ttl_layers_too() {
	mount_with '{"layers": [{"type": "ttl"}], "default_ttl_s": 100}'
	set_value k value
	[[ $(get_xattr k user.cachefs.ttl) == @(99|100)* ]]
	unmount
	mount_with '{"layers": [{"type": "ttl", "default_ttl_s": null}]}'
	set_value k value
	expect ttl "" "$(get_xattr k user.cachefs.ttl)"
}

test_ttl_has_no_size_limit() {
	local i
	mount_with '{"type": "ttl"}'
	for ((i = 0; i < 300; i++)); do
		echo x >"$MNT/$i"
	done
	expect entries 300 "$(ls "$MNT" | wc -l)"
}

test_cleanup_interval_removes_what_has_expired_with_no_operation_at_all() {
	mount_with '{"type": "ttl", "options": {"default_ttl_s": 0.2, "eager_expiry": false, "cleanup_interval_s": 0.1}}'
	set_value k value
	wait_until 10 layer_has ttl entries 0
	expect expiries 1 "$(layer_stat ttl expiries)"
}

test_without_eager_expiry_an_entry_stays_until_it_is_touched() {
	mount_with '{"type": "memory", "options": {"eager_expiry": false}}'
	set_value k value
	set_ttl k 0.3
	set_value other value
	set_ttl other 0.4
	wait_until 10 is_gone other
	expect "k is not looked at" 1 "$(layer_stat memory entries)"
	expect_absent k
	expect "k was looked at" 0 "$(layer_stat memory entries)"
}

test_eager_expiry_removes_in_passing() {
	mount_with '{"type": "lfu", "options": {"eager_expiry": true}}'
	set_value k value
	set_ttl k 0.3
	ttl_passes 0.5
	wait_until 10 layer_has lfu entries 0
}

run_tests
