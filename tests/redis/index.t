#!/bin/bash
# The index of names in Redis: listings and invalidations scan nothing, prefixes are matched by bytes.
. "$(dirname "$0")/../lib.sh"

test_a_key_that_would_have_the_name_of_the_index_is_refused() {
	start_redis
	mount_redis '"key_prefix": "cachefs:"'
	set_value k value
	expect_error "Permission denied" cp cachefs.json "$MNT/index:cachefs:"
	expect_list "" k
	expect "the index" zset "$(redis TYPE cachefs:index:cachefs:)"
}

test_prefixes_with_pattern_characters_are_matched_bytewise() {
	start_redis
	mount_redis
	local dir
	for dir in 'a*' 'a?' 'a[b]' 'a\' 'a%' ab a a_ aXb; do
		mkdir "$MNT/$dir"
		set_value "$dir/k" "$dir"
	done
	for dir in 'a*' 'a?' 'a[b]' 'a\' 'a%'; do
		rmdir "$MNT/$dir"
		test ! -e "$MNT/$dir"
	done
	for dir in ab a a_ aXb; do
		expect_value "$dir/k" "$dir"
	done
}

test_a_large_directory_is_listed_and_removed_whole() {
	start_redis
	mount_redis
	mkdir -p "$MNT/d/sub"
	local i
	for ((i = 0; i < 300; i++)); do
		echo v >"$MNT/d/k$i"
	done
	for ((i = 0; i < 150; i++)); do
		echo v >"$MNT/d/sub/k$i"
	done
	expect "names" 301 "$(ls -A "$MNT/d" | sort -u | wc -l)"
	mv "$MNT/d" "$MNT/e"
	expect "files after mv" 450 "$(find "$MNT/e" -type f | wc -l)"
	rmdir "$MNT/e"
	expect_list "" ""
	expect "keys left in the server" 0 "$(redis DBSIZE)"
}

# The walk in the background scans, once a second at most here; what a caller does never.
test_lookups_listings_and_invalidations_scan_nothing() {
	start_redis
	mount_redis
	wait_until 10 first_walk_is_over
	redis CONFIG RESETSTAT >/dev/null
	local i scans start=$SECONDS
	for ((i = 0; i < 20; i++)); do
		mkdir "$MNT/d"
		set_value d/k value
		ls -l "$MNT/d" >/dev/null
		mv "$MNT/d" "$MNT/e"
		rmdir "$MNT/e"
	done
	scans=$(redis INFO commandstats | sed -n 's/^cmdstat_scan:calls=\([0-9]*\).*/\1/p')
	((${scans:-0} <= SECONDS - start + 5)) || fail "$scans scans"
	expect "other ways to scan" "" "$(redis INFO commandstats | grep -iE 'cmdstat_(keys|eval)' || true)"
}

first_walk_is_over() {
	redis INFO commandstats | grep -q cmdstat_scan
}

calls_of() {
	redis INFO commandstats | sed -n "s/^cmdstat_$1:calls=\([0-9]*\).*/\1/p" | grep . || echo 0
}

# Recency is the server's affair; a server before 7.2 takes every look for a use, so there what we ask for counts.
test_a_get_is_a_use_and_a_look_is_none() {
	start_redis
	mount_redis
	set_value k value
	redis cache-set theirs value >/dev/null
	expect_value k value
	expect_value theirs value
	redis cache-set theirs longer >/dev/null
	wait_until 10 first_walk_is_over
	redis CONFIG RESETSTAT >/dev/null
	local view=$MNT/.cachefs/layers/redis before
	before=$(layer_stat redis gets,.hits)
	expect "the view's value" value "$(cat "$view/k")"
	expect "another program's" longer "$(cat "$view/theirs")"
	expect "gets and hits" "$before" "$(layer_stat redis gets,.hits)"
	ls -l "$MNT" >/dev/null
	expect "uses by looks" 0 "$(calls_of touch)"
	cat "$MNT/k" >/dev/null
	expect "uses by a get" 1 "$(calls_of touch)"
	redis CLIENT NO-TOUCH ON >/dev/null 2>&1 || return 0
	redis CONFIG SET maxmemory-policy allkeys-lru >/dev/null
	wait_until 30 has_been_idle k
	cat "$view/k" >/dev/null
	stat "$MNT/k" >/dev/null
	has_been_idle k || fail "a look was taken for a use"
}

has_been_idle() {
	[[ $(redis OBJECT IDLETIME "accuralai:cache:$1") -ge 2 ]]
}

run_tests
