#!/bin/bash
# An entry in Redis is a plain string with its own expiry; bytes, names and metadata survive.
. "$(dirname "$0")/../lib.sh"

test_a_set_is_a_plain_string_in_redis() {
	start_redis
	mount_redis
	set_value k value
	expect "GET by another program" value "$(redis GET accuralai:cache:k)"
	expect "PTTL" -1 "$(redis PTTL accuralai:cache:k)"
	expect_value k value
	set_value k longer-value
	expect_value k longer-value
	echo more >>"$MNT/k"
	expect_value k longer-valuemore
	rm "$MNT/k"
	expect_absent k
	expect "keys left" 0 "$(redis EXISTS accuralai:cache:k)"
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
	ms=$(redis PTTL accuralai:cache:k)
	((ms > 90000 && ms <= 100000)) || fail "PTTL is $ms"
	setfattr -x user.cachefs.ttl "$MNT/k"
	expect "PTTL without a ttl" -1 "$(redis PTTL accuralai:cache:k)"
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

test_the_layer_and_its_numbers_are_in_the_stats() {
	start_redis
	mount_redis
	set_value k value
	expect down false "$(layer_stat redis down)"
	expect entries 1 "$(layer_stat redis entries)"
	df "$MNT" >/dev/null
}

run_tests
