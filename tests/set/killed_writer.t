#!/bin/bash
# What a killed writer has written is not published.
. "$(dirname "$0")/../lib.sh"

test_a_killed_writer_publishes_nothing() {
	mount_stack
	open_writer w k
	tell w write half
	kill_hand w KILL
	wait_until 5 is_gone k
	expect_absent k
}

test_a_killed_writer_leaves_the_old_value() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write half
	kill_hand w KILL
	expect_value k old
}

test_a_writer_stopped_by_an_interrupt_publishes_nothing() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write half
	kill_hand w INT
	expect_value k old
}

test_a_writer_that_exits_without_close_publishes() {
	mount_stack
	bash -c 'exec 9>"$1"; printf whole >&9; exit 1' _ "$MNT/k" || true
	expect_value k whole
}

test_on_killed_writer_publish_turns_it_off() {
	mount_stack '"on_killed_writer": "publish"'
	open_writer w k
	tell w write half
	kill_hand w KILL
	wait_until 5 grep -q half "$MNT/k"
}

run_tests
