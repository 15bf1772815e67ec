#!/bin/bash
# A key that a killed opener was making is not there; nobody writes on what it left.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/killed_group.sh"

test_a_key_that_a_killed_opener_was_making_is_not_there_while_its_child_holds_it() {
	mount_stack
	start_orphan /bin/echo
	expect_absent k
	orphan_goes_on
	expect_absent k
}

test_nobody_writes_on_what_a_killed_opener_left() {
	mount_stack
	start_orphan /bin/echo
	echo x >>"$MNT/k"
	expect_value k x
	orphan_goes_on
	expect_value k x
}

test_nor_on_what_it_left_behind_a_sync_or_in_place() {
	mount_stack
	local first
	for first in 'python3 -ES -c "import os; os.fsync(1)"; /bin/echo half' 'exec 1<>"$1"; /bin/echo half'; do
		start_orphan /bin/echo "$first"
		expect_value k part1
		echo x >>"$MNT/k"
		expect_value k $'part1\nx'
		orphan_goes_on
		expect_value k $'part1\nx'
		rm "$MNT/k" go here done opener
	done
}

test_a_key_that_a_killed_opener_was_making_can_be_made_anew() {
	mount_stack
	start_orphan /bin/echo
	(
		set -C
		echo x >"$MNT/k"
	)
	orphan_goes_on
	expect_value k x
}

test_what_is_done_to_the_old_entry_while_a_killed_openers_child_holds_the_new_one_stays() {
	mount_stack
	set_value k old
	start_orphan /bin/echo
	expect "the size" 3 "$(stat -c %s "$MNT/k")"
	chmod 600 "$MNT/k"
	setfattr -n user.foo -v b "$MNT/k"
	orphan_goes_on
	expect "the mode" 600 "$(stat -c %a "$MNT/k")"
	expect "the attribute" b "$(get_xattr k user.foo)"
	expect_value k old
}

test_a_writer_killed_after_somebody_touched_its_new_key_sets_nothing() {
	mount_stack
	open_writer w k
	tell w write half
	touch "$MNT/k"
	kill_hand w KILL
	expect_absent k
}

run_tests
