#!/bin/bash
. "$(dirname "$0")/../lib.sh"

PREFIX=accuralai:cache:

test_a_set_is_a_plain_string_in_redis() {
	start_redis
	mount_redis
	set_value k value
	expect "GET by another program" value "$(redis GET ${PREFIX}k)"
	expect "PTTL" -1 "$(redis PTTL ${PREFIX}k)"
	expect_value k value
	set_value k longer-value
	expect_value k longer-value
	echo more >>"$MNT/k"
	expect_value k longer-valuemore
	rm "$MNT/k"
	expect_absent k
	expect "keys left" 0 "$(redis EXISTS ${PREFIX}k)"
}

test_bytes_keys_and_metadata_survive_a_restart_of_the_daemon() {
	start_redis
	mount_redis
	mkdir -p "$MNT/d/empty"
	random_file big 3000000
	cp big "$MNT/d/big"
	printf 'a\0b\r\n\xff' >"$MNT/d/odd % * ? [ \\ \"name\""
	ln -s target "$MNT/d/link"
	touch -d '2031-05-06 07:08:09.123456789' "$MNT/d/big"
	chmod 640 "$MNT/d/big"
	setfattr -n user.color -v blue "$MNT/d/big"
	restart_daemon
	cmp big "$MNT/d/big"
	printf 'a\0b\r\n\xff' | cmp - "$MNT/d/odd % * ? [ \\ \"name\""
	expect link target "$(readlink "$MNT/d/link")"
	expect mtime 1935817689.123456789 "$(TZ=UTC stat -c %.9Y "$MNT/d/big")"
	expect mode 640 "$(stat -c %a "$MNT/d/big")"
	expect color blue "$(get_xattr d/big user.color)"
	test -d "$MNT/d/empty"
}

test_a_ttl_is_redis_s_own_expiry() {
	start_redis
	mount_redis
	set_value k value
	set_ttl k 100
	local ms
	ms=$(redis PTTL ${PREFIX}k)
	((ms > 90000 && ms <= 100000)) || fail "PTTL is $ms"
	setfattr -x user.cachefs.ttl "$MNT/k"
	expect "PTTL without a ttl" -1 "$(redis PTTL ${PREFIX}k)"
	set_ttl k 0.3
	wait_until 10 is_gone k
	expect_absent k
}

test_a_rename_carries_everything() {
	start_redis
	mount_redis
	mkdir "$MNT/d"
	set_value d/a one
	set_value d/b two
	setfattr -n user.color -v blue "$MNT/d/a"
	mv "$MNT/d/a" "$MNT/d/b"
	expect_value d/b one
	expect color blue "$(get_xattr d/b user.color)"
	mv "$MNT/d" "$MNT/e"
	expect_value e/b one
	expect_list e b
	expect color blue "$(get_xattr e/b user.color)"
	expect "value by its new key" one "$(redis cache-get e/b)"
	expect_absent d
}

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
	[[ $(redis OBJECT IDLETIME "$PREFIX$1") -ge 2 ]]
}

test_the_layer_and_its_numbers_are_in_the_stats() {
	start_redis
	mount_redis
	set_value k value
	expect down false "$(layer_stat redis down)"
	expect entries 1 "$(layer_stat redis entries)"
	df "$MNT" >/dev/null
}

run_tests
