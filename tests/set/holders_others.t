#!/bin/bash
# Who else opens a key that is being made, and writes nothing, sets nothing.
. "$(dirname "$0")/../lib.sh"

test_who_opens_a_key_that_is_being_made_and_writes_nothing_sets_nothing() {
	mount_stack
	local open
	for open in 'touch "$1"' ': >>"$1"' 'exec 7<>"$1"' 'flock "$1" true'; do
		(
			/bin/echo part1
			"$BASH" -c "$open" _ "$MNT/k" 2>/dev/null || true
			expect_miss k
			/bin/echo part2
		) >"$MNT/k"
		expect_value k $'part1\npart2'
		rm "$MNT/k"
	done
}

test_nor_does_one_who_makes_it_with_an_open_for_reading() {
	mount_stack '"entry_timeout": 0'
	(
		/bin/echo part1
		python3 -ES -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_CREAT))' "$MNT/k" 2>/dev/null || true
		expect_miss k
		/bin/echo part2
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_what_it_wrote_is_set_by_the_last_who_has_it_open() {
	mount_stack
	open_writer a k
	open_writer b k w
	tell a write whole
	tell a close
	expect_value k whole
	tell b close
	expect_value k whole
}

test_fsync_shows_a_new_key_whoever_wrote_it() {
	mount_stack
	open_writer a k
	open_writer b k w
	tell a write part
	expect_miss k
	tell b fsync
	expect_value k part
	tell a close
	tell b close
}

run_tests
