#!/bin/bash
. "$(dirname "$0")/../lib.sh"

layer_has() {
	[[ $(layer_stat "$1" "$2") = "$3" ]]
}

get_times() {
	local i
	for ((i = 0; i < $2; i++)); do
		cat "$MNT/$1" >/dev/null
	done
}

test_lru_evicts_what_was_not_used() {
	mount_with '{"type": "memory", "options": {"max_entries": 3}}'
	set_value a 1
	set_value b 2
	set_value c 3
	get_times a 1
	set_value d 4
	expect_list "" "a c d"
}

test_touch_is_a_use_and_what_gives_a_time_or_a_mode_is_none() {
	mount_with '{"type": "memory", "options": {"max_entries": 3}}'
	set_value a 1
	set_value b 2
	set_value c 3
	touch "$MNT/a"
	touch -d @2000000000 "$MNT/b"
	chmod 600 "$MNT/b"
	set_value d 4
	expect_list "" "a c d"
	expect hits 0 "$(get_xattr a user.cachefs.hits)"
}

test_lfu_takes_touch_for_no_use_but_lets_go_of_others_first() {
	mount_with '{"type": "lfu", "options": {"max_entries": 3}}'
	set_value often 1
	get_times often 3
	set_value a 2
	set_value b 3
	touch "$MNT/a" "$MNT/a" "$MNT/a"
	set_value c 4
	expect_list "" "a c often"
	set_value d 4
	expect_list "" "c d often"
}

test_lfu_evicts_what_was_used_least_often() {
	mount_with '{"type": "lfu", "options": {"max_entries": 3}}'
	set_value often 1
	set_value seldom 2
	set_value new 3
	get_times often 5
	get_times new 2
	get_times seldom 1
	set_value other 4
	expect_list "" "new often other"
	expect evictions 1 "$(layer_stat lfu evictions)"
}

test_lfu_counts_start_again_with_a_rewrite() {
	mount_with '{"type": "lfu", "options": {"max_entries": 2}}'
	set_value a 1
	get_times a 5
	set_value b 2
	get_times b 2
	set_value a 3
	set_value c 4
	expect_list "" "b c"
}

test_lfu_counts_age() {
	local i
	mount_with '{"type": "lfu", "options": {"max_entries": 2}}'
	set_value yesterday 1
	get_times yesterday 5
	for ((i = 0; i < 12; i++)); do
		set_value "today$i" x
		get_times "today$i" 1
	done
	expect_absent yesterday
}

test_lfu_holds_128_entries_by_default() {
	local i
	mount_with '{"type": "lfu"}'
	for ((i = 0; i < 140; i++)); do
		echo x >"$MNT/$i"
	done
	expect entries 128 "$(ls "$MNT" | wc -l)"
	expect "entries in the stats" 128 "$(layer_stat lfu entries)"
}

test_the_byte_limit_is_never_exceeded() {
	local type i
	for type in memory lfu; do
		mount_with '{"type": "'$type'", "options": {"max_entries": null, "max_bytes": 100000}}'
		for ((i = 0; i < 30; i++)); do
			head -c 9000 /dev/zero >"$MNT/$i"
			(($(layer_stat "$type" bytes) <= 100000)) || fail "$(layer_stat "$type" bytes) bytes"
			[[ $(stat -c %s "$MNT/$i") = 9000 ]] || fail "$i is not there"
		done
		(($(layer_stat "$type" entries) >= 10)) || fail "too much was evicted"
		expect_error "File too large" dd if=/dev/zero of="$MNT/huge" bs=200000 count=1
		unmount
	done
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

test_a_value_that_is_open_is_charged_to_its_reader() {
	mount_with '{"type": "memory"}'
	random_file value 100000
	cat value >"$MNT/k"
	open_reader r k
	rm "$MNT/k"
	expect "bytes of the layer" 0 "$(layer_stat memory bytes)"
}

test_without_copy_on_get_the_layer_pays_until_the_last_reader_closes() {
	mount_with '{"type": "memory", "options": {"copy_on_get": false, "max_bytes": 300000}}'
	random_file value 100000
	cat value >"$MNT/k"
	open_reader r k
	open_reader s k
	rm "$MNT/k"
	(($(layer_stat memory bytes) >= 100000)) || fail "not charged"
	cat value >"$MNT/a"
	cat value >"$MNT/b"
	expect_list "" b
	tell r close
	(($(layer_stat memory bytes) >= 200000)) || fail "one reader is left"
	tell s close
	wait_until 10 layer_pays_for_less_than 200000
	cat value >"$MNT/a"
	expect_list "" "a b"
}

layer_pays_for_less_than() {
	(($(layer_stat memory bytes) < $1))
}

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
