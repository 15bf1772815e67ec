#!/bin/bash
# Keys that another program puts into Redis enter the listings by themselves.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/interop.sh"

has_names() {
	[[ $(ls -A "$MNT/$1" | wc -l) = "$2" ]]
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

run_tests
