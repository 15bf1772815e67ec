#!/bin/bash
# memory and lfu: which entry they evict, and that their limits hold.
. "$(dirname "$0")/../lib.sh"

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

run_tests
