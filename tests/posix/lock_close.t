#!/bin/bash
# A POSIX lock ends when its process closes any descriptor of that file, whatever it is open for.
. "$(dirname "$0")/posix.sh"

# leaves CASE EXPECTED
leaves() {
	echo content >lock
	echo content >lock.other
	expect "$1" "$2" "$(python3 -ES "$ROOT/tests/helpers/locks.py" "$PWD/lock" "$1")"
}

test_a_posix_lock_stays_while_its_process_closes_nothing_of_the_file() {
	leaves nothing held
	leaves other-file held
	leaves child-closes held
	leaves reader-closed-before held
}

test_a_posix_lock_ends_with_any_descriptor_of_its_process() {
	leaves itself free
	leaves dup free
	leaves writer free
}

test_a_posix_lock_ends_with_a_descriptor_for_reading_too() {
	leaves later-reader free
	leaves later-reader-dup free
	leaves first-reader free
	leaves again free
}

test_what_a_child_closes_ends_no_lock_of_its_parent() {
	leaves inherited held
}

run_posix_tests
