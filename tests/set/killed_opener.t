#!/bin/bash
# Nothing is set when the opener was killed, whatever its children do.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/killed_group.sh"

test_nothing_is_set_when_the_opener_was_killed_whatever_its_children_do() {
	mount_stack
	set_value k old
	start_orphan '/bin/echo part2; echo part3'
	orphan_goes_on
	expect_value k old
}

test_nor_when_it_had_synced_all_that_it_wrote() {
	mount_stack
	set_value k old
	start_orphan '/bin/echo part2; echo part3' 'python3 -ES -c "import os; os.fsync(1)"'
	orphan_goes_on
	expect_value k part1
}

test_a_child_that_writes_on_is_told_that_nothing_is_set() {
	mount_stack
	set_value k old
	start_orphan 'python3 -ES -c "
import os
os.write(1, b\"part2\")
for call in os.fsync, os.close:
    try:
        call(1)
    except OSError:
        continue
    os.write(2, b\"it was not told\")
" 2>"$2/errors"'
	orphan_goes_on
	expect errors "" "$(<errors)"
	expect_value k old
}

# Without the close of its own that tells: only the last release is left.
test_the_last_release_sets_nothing_when_the_opener_was_killed() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write half
	tell w fork
	kill_hand w KILL
	expect_value k old
}

run_tests
