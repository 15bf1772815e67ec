#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Another program, the Python package's shapes, and the mount on one store at once.

has_value() {
	[[ $(cat "$MNT/$1" 2>/dev/null) = "$2" ]]
}

has_names() {
	[[ $(ls -A "$MNT/$1" | wc -l) = "$2" ]]
}

is_listed() {
	ls -A "$MNT/$1" | grep -qxF -- "$2"
}

test_each_side_gets_what_the_other_set() {
	start_redis
	mount_redis
	redis cache-set answers/a '{"text": "hi"}' >/dev/null
	wait_until 30 is_listed answers a
	expect_value answers/a '{"text": "hi"}'
	expect_list answers a
	printf '{"text": "42"}' >"$MNT/answers/b"
	expect "cache-get" '{"text": "42"}' "$(redis cache-get answers/b)"
	set_value answers/a mine
	expect "cache-get" mine "$(redis cache-get answers/a)"
}

test_a_foreign_set_is_seen_by_the_next_open_over_a_faster_layer() {
	start_redis
	mount_shared
	set_value k old
	expect_value k old
	expect "memory has it" memory,redis "$(get_xattr k user.cachefs.layers)"
	redis cache-set k new >/dev/null
	expect_value k new
	redis cache-set k longer >/dev/null
	expect "size by stat" 6 "$(stat -c %s "$MNT/k")"
	expect_value k longer
	redis cache-set k LONGER 100 >/dev/null
	expect_value k LONGER
	set_value k mine
	expect_value k mine
	expect "cache-get" mine "$(redis cache-get k)"
}

test_a_foreign_delete_is_seen_by_the_next_open_over_a_faster_layer() {
	start_redis
	mount_shared
	set_value k old
	expect_value k old
	redis cache-invalidate k >/dev/null
	expect_absent k
	set_value k again
	expect_value k again
}

test_a_foreign_prefix_invalidation_is_seen() {
	start_redis
	mount_shared
	mkdir "$MNT/p"
	set_value p/a 1
	set_value p/b 2
	set_value q 3
	expect_value p/a 1
	redis cache-invalidate-prefix p/
	expect_absent p/a
	expect_absent p/b
	expect_value q 3
}

test_a_foreign_expiry_is_kept() {
	start_redis
	mount_shared
	redis cache-set k value 100 >/dev/null
	expect_value k value
	[[ $(get_xattr k user.cachefs.ttl) = 9* || $(get_xattr k user.cachefs.ttl) = 100* ]]
	redis PEXPIRE accuralai:cache:k 300 >/dev/null
	wait_until 10 is_gone k
	expect_absent k
}

# One before 7.0, that is, or one that does not say what it is.
test_a_foreign_expiry_is_followed_where_the_server_tells_what_remains_only() {
	start_redis
	redis ACL SETUSER cachefs on '>s3cret-word' '~*' '&*' +@all -info >/dev/null
	mount_shared '"username": "cachefs", "password": "s3cret-word"'
	redis cache-set k value 1 >/dev/null
	expect_value k value
	wait_until 30 is_listed "" k
	redis cache-set k value 100 >/dev/null
	[[ $(get_xattr k user.cachefs.ttl) = 9* || $(get_xattr k user.cachefs.ttl) = 100* ]]
	set_value ours value
	set_ttl ours 200
	setfattr -n user.color -v blue "$MNT/ours"
	restart_daemon
	expect color blue "$(get_xattr ours user.color)"
	redis PEXPIRE accuralai:cache:k 300 >/dev/null
	wait_until 10 is_gone k
	expect_absent k
}

test_our_removal_and_our_rmdir_are_seen_there() {
	start_redis
	mount_shared
	redis cache-set d/a 1 >/dev/null
	redis cache-set d/b 2 >/dev/null
	wait_until 30 is_listed d a
	wait_until 30 is_listed d b
	expect_value d/a 1
	expect_value d/b 2
	rm "$MNT/d/a"
	expect_error "" redis cache-get d/a
	rmdir "$MNT/d"
	expect "keys left" 0 "$(redis EXISTS accuralai:cache:d/b)"
}

test_foreign_keys_enter_the_listing_by_themselves() {
	start_redis
	redis fill 3000 many/ >/dev/null
	mount_redis
	wait_until 30 has_names many 3000
	expect_value many/001234 v1234
	rmdir "$MNT/many"
	expect "keys left" 0 "$(redis DBSIZE)"
}

# Each one is set while the walk that found the one before may be under way.
finds_foreign_directories() {
	local i
	for i in 1 2 3 4; do
		redis cache-set "new$i/k" x >/dev/null
		wait_until 40 is_listed "" "new$i"
		expect_list "new$i" k
	done
}

test_a_foreign_key_in_a_new_directory_is_found_among_many() {
	start_redis --enable-debug-command yes
	redis DEBUG POPULATE 400000 other: >/dev/null
	mount_redis
	finds_foreign_directories
}

# The daemon gives a key that it found a member in the same second as another key comes: the two make up for each
# other in the numbers of the server. Other keys make a walk at leisure long.
test_a_foreign_key_is_found_that_comes_when_another_is_adopted() {
	start_redis --enable-debug-command yes
	redis DEBUG POPULATE 1500000 other: >/dev/null
	mount_redis
	local i
	for i in 1 2; do
		redis cache-set "new$i/k" x >/dev/null
		wait_until 100 is_listed "" "new$i"
		redis cache-set "new$i/next" x >/dev/null
		wait_until 80 is_listed "new$i" next
	done
}

# Their number stays as it was: nothing says that there is something new.
test_a_foreign_key_in_the_place_of_another_is_found() {
	local i
	start_redis
	mount_redis
	set_value k value
	finds_foreign_directories
	for i in 1 2 3; do
		printf 'MULTI\nSET accuralai:cache:swapped%d/k x\nDEL accuralai:cache:new%d/k\nEXEC\n' $i $i |
			redis-cli -s "$TMP/redis.sock" >/dev/null
		wait_until 60 is_listed "" "swapped$i"
	done
}

test_a_lost_index_is_rebuilt() {
	start_redis
	mount_redis
	mkdir "$MNT/d"
	set_value d/k value
	unmount
	redis DEL cachefs:index:accuralai:cache: cachefs:dirs:accuralai:cache: >/dev/null
	start_daemon "$TMP/cachefs.json"
	wait_until 30 is_listed d k
	expect_value d/k value
}

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
