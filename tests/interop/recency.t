#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# The package and the mount evict from one database, each what has not been used for the longest time: used by whom
# ever. A get is no change: it moves no time that stat shows, and other mounts do not hear of it.

package() {
	python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite "$@"
}

mount_disk() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"'"${1:+, $1}"'}}'
}

sql() {
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; $1" | tail -n +2
}

# The key whose updated_at is newest.
newest() {
	sql "SELECT cache_key FROM cache ORDER BY updated_at DESC LIMIT 1"
}

newest_is() {
	[[ $(newest) = "$1" ]]
}

last_change() {
	sql "SELECT max(seq) FROM cachefs_log"
}

# What stat shows of a key, but for its last use.
times_of() {
	stat -c '%Y %y %z %w %s' "$MNT/$1"
}

get() {
	cat "$MNT/$1" >/dev/null
}

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

test_a_get_here_is_no_change() {
	mount_disk
	set_value ours 1
	package set theirs 1 >/dev/null
	package replace replaced 1 >/dev/null
	local key before changes
	for key in ours theirs replaced; do
		before=$(times_of "$key") changes=$(last_change)
		get "$key"
		wait_until 20 newest_is "$key"
		expect "times of $key" "$before" "$(times_of "$key")"
		expect "the log" "$changes" "$(last_change)"
		restart_daemon
		expect "times of $key after a restart" "$before" "$(times_of "$key")"
	done
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

test_a_get_of_the_package_is_no_change() {
	mount_disk
	set_value ours 1
	package set theirs 1 >/dev/null
	package replace replaced 1 >/dev/null
	local key before changes
	for key in ours theirs replaced; do
		before=$(times_of "$key") changes=$(last_change)
		package use "$key" >/dev/null
		package use "$key" >/dev/null
		expect "newest" "$key" "$(newest)"
		expect "times of $key" "$before" "$(times_of "$key")"
		expect "the log" "$changes" "$(last_change)"
	done
}

test_a_set_of_the_package_is_one_whatever_was_got_before() {
	mount_stack '"attr_timeout": 0, "entry_timeout": 0'
	local how before
	for how in set replace; do
		package set k 1 >/dev/null
		sql "UPDATE cache SET updated_at = 1000000000 WHERE cache_key = 'k'"
		sql "UPDATE cache SET payload = '2' WHERE cache_key = 'k'"
		expect "time" 1000000000 "$(stat -c %Y "$MNT/k")"
		package use k >/dev/null
		get k
		wait_until 20 newest_is k
		expect "time" 1000000000 "$(stat -c %Y "$MNT/k")"
		before=$(last_change)
		package "$how" k 3 >/dev/null
		(($(stat -c %Y "$MNT/k") > 1000000000)) || fail "it still has the time of an earlier set"
		(($(last_change) > before)) || fail "the set is not in the log"
		expect_value k 3
		rm "$MNT/k"
	done
}

run_tests
