#!/bin/bash
# The package and the mount evict from one database, each what has not been used for the longest time.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/recency.sh"

test_what_is_got_here_is_not_evicted_by_the_package() {
	mount_disk
	local i
	for i in 1 2 3; do
		set_value "ours$i" "$i"
		package set "theirs$i" "$i" >/dev/null
	done
	get ours1
	wait_until 20 newest_is ours1
	get theirs1
	wait_until 20 newest_is theirs1
	package evict 4 >/dev/null
	expect_list "" "ours1 theirs1"
}

test_what_the_package_gets_is_not_evicted_here() {
	mount_disk '"size_limit_mb": 1'
	letters letters v 20000
	printf '"%s"' "$(<letters)" >value
	local i
	for i in 1 2 3 4 5 6; do
		cp value "$MNT/ours$i"
		package set "theirs$i" "$(<value)" >/dev/null
	done
	package use ours1 >/dev/null
	package use theirs1 >/dev/null
	while [[ -e $MNT/ours2 || -e $MNT/theirs2 ]]; do
		((++i < 100)) || fail "nothing is evicted"
		cp value "$MNT/ours$i"
	done
	cmp value "$MNT/ours1"
	get theirs1
}

run_tests
