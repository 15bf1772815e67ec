#!/bin/bash
# Members of the sets beside the values in Redis, with metadata that another program made up: the sums fit.
. "$(dirname "$0")/../lib.sh"

INDEX=cachefs:index:accuralai:cache: DIRS=cachefs:dirs:accuralai:cache:

# plant SET KEY [NAME=NUMBER...]: in the place of the key's members
plant() {
	local set=$1
	shift
	redis ZREMRANGEBYLEX "$set" - + >/dev/null
	"$HELPERS/member" "$@" | redis -x ZADD "$set" 0 >/dev/null
}

mount_damaged() {
	start_redis
	mount_with '{"layers": [{"type": "redis", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
}

test_an_entry_of_another_type_is_a_miss_that_the_next_set_or_rm_mends() {
	mount_damaged
	local what
	for what in mode=0120777000 mode=040755 mode=010644 mode=020644 uid=0xffffffff mtime=0x7fffffffffffffff \
		version=0xffffffffffffffff created=0x8000000000000000; do
		redis SET accuralai:cache:k old >/dev/null
		plant $INDEX k size=3 mode=0100644 mtime=1 ctime=1 known=0 "$what"
		expect_miss k
		ls -l "$MNT" >/dev/null
		set_value k new
		expect_value k new
		redis SET accuralai:cache:k old >/dev/null
		plant $INDEX k size=3 mode=0100644 mtime=1 ctime=1 known=0 "$what"
		rm "$MNT/k"
		expect_absent k
		expect "value" 0 "$(redis EXISTS accuralai:cache:k)"
	done
	kill -0 "$DAEMON_PID"
}

test_a_directory_of_another_type_lets_nobody_in() {
	mount_damaged
	mkdir "$MNT/d"
	plant $DIRS d/ mode=0120777
	expect d "directory 700" "$(stat -c '%F %a' "$MNT/d")"
	ls -lR "$MNT" >/dev/null
	chmod 755 "$MNT/d"
	rmdir "$MNT/d"
	kill -0 "$DAEMON_PID"
}

test_keys_that_nothing_can_have_in_the_index_stop_nothing() {
	mount_damaged
	local key set
	for set in $INDEX $DIRS; do
		for key in "" / // d d/ "$(printf 'x%.0s' {1..4095})" "$(printf 'x%.0s' {1..5000})"; do
			plant $set "$key" size=1 mode=0100644 mtime=1
			ls -lR "$MNT" >/dev/null 2>&1 || true
			rmdir "$MNT/d" 2>/dev/null || true
			kill -0 "$DAEMON_PID" || fail "the daemon ended at \"${key::20}\" in $set"
		done
	done
	set_value k v
	expect_list "" k
	expect_value k v
}

run_tests
