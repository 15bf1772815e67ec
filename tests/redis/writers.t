#!/bin/bash
# What the mount takes from other writers of its Redis: other programs and other daemons.
. "$(dirname "$0")/../lib.sh"

test_a_foreign_overwrite_has_fresh_metadata() {
	start_redis
	mount_redis
	set_value k value
	chmod 600 "$MNT/k"
	setfattr -n user.color -v blue "$MNT/k"
	redis cache-set k other >/dev/null
	expect_value k other
	expect version 0 "$(get_xattr k user.cachefs.version)"
	expect color "" "$(get_xattr k user.color)"
	set_value k mine
	expect "cache-get" mine "$(redis cache-get k)"
}

test_without_foreign_writers_theirs_is_a_miss() {
	start_redis
	mount_redis '"foreign_writers": false'
	set_value k value
	redis cache-set k other >/dev/null
	expect_absent k
	redis cache-set new value >/dev/null
	expect_absent new
	set_value k mine
	expect_value k mine
}

test_another_daemon_is_another_writer() {
	start_redis
	mount_shared
	set_value k one
	expect_value k one
	mkdir other
	mkdir -p state2
	sed 's/"state"/"state2"/' cachefs.json >other.json
	"$CACHEFS" -f other.json "$TMP/other" >>"$LOG" 2>&1 &
	local pid=$!
	wait_until 20 is_mounted "$TMP/other"
	expect "value there" one "$(cat other/k)"
	printf two >other/k
	expect_value k two
	chmod 600 other/k
	wait_until 10 mode_is k 600
	rm other/k
	expect_absent k
	fusermount3 -u "$TMP/other"
	wait "$pid"
}

mode_is() {
	[[ $(stat -c %a "$MNT/$1") = "$2" ]]
}

run_tests
