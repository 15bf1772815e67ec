#!/bin/bash
# A child that was killed does not matter when its shell goes on; what others wrote or synced stays.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/killed_group.sh"

test_a_child_that_was_killed_does_not_matter_when_its_shell_goes_on() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		sh -c 'echo of a killed child; kill -9 $$' || true
		expect_value k old
		/bin/echo part2
	) >"$MNT/k" 2>/dev/null
	expect_value k $'part1\nof a killed child\npart2'
}

test_nor_when_it_had_written_nothing() {
	mount_stack
	(
		sh -c 'kill -9 $$' || true
	) >"$MNT/k" 2>/dev/null
	expect_value k ""
}

test_what_a_killed_appender_has_written_stays() {
	mount_stack
	set_value k "old "
	open_writer w k w,append
	tell w write whole
	kill_hand w KILL
	wait_until 20 grep -qx "old whole" "$MNT/k"
	start_group '( /bin/echo; /bin/echo a; sh -c ": >\"\$0\"; exec sleep 1000" "$2" ) >>"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	expect_value k $'old whole\na'
	kill_group KILL
	expect_value k $'old whole\na'
}

test_a_killed_appender_makes_a_key() {
	mount_stack
	open_writer w log w,creat,append
	tell w write whole
	kill_hand w KILL
	expect_value log whole
}

test_a_writer_in_place_that_was_killed_takes_nothing_of_another_with_it() {
	mount_stack
	set_value k "....."
	open_writer a k rw
	open_writer b k rw
	tell b pwrite 3 b
	tell a pwrite 1 a
	kill_hand a KILL
	expect_value k "....."
	tell b close
	expect_value k ".a.b."
}

test_one_who_wrote_nothing_and_was_killed_takes_nothing_of_another_with_it() {
	mount_stack
	open_writer a k
	open_writer b k w
	kill_hand b KILL
	tell a close
	expect_value k ""
}

run_tests
