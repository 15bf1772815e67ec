#!/bin/bash
# Another program, with the shapes of the Python package, and the mount change one Redis at once.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/interop.sh"

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

run_tests
