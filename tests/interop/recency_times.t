#!/bin/bash
# A get is no change: it moves no time that stat shows, and other mounts do not hear of it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/recency.sh"

last_change() {
	sql "SELECT max(seq) FROM cachefs_log"
}

# What stat shows of a key, but for its last use.
times_of() {
	stat -c '%Y %y %z %w %s' "$MNT/$1"
}

mount_entries_of_both() {
	mount_disk
	set_value ours 1
	package set theirs 1 >/dev/null
	package replace replaced 1 >/dev/null
}

test_a_get_here_is_no_change() {
	mount_entries_of_both
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

test_a_get_of_the_package_is_no_change() {
	mount_entries_of_both
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
