#!/bin/bash
# A lack of descriptors is said once in the log, until it is over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/shortage.sh"

# said_times TIMES TEXT: in the log
said_times() {
	expect "lines of \"$2\"" "$1" "$(grep -c "$2" "$LOG" || true)"
}

test_a_set_that_no_descriptor_is_left_for_is_said_once_until_it_works_again() {
	mount_stack '"working_copy_heap_kb": 0'
	open_writer a k1
	open_writer b k2
	open_writer c k3
	few_descriptors 0
	expect_told EMFILE a write x
	expect_told EMFILE b write x
	said_times 1 'cannot change the content of an open file: Too many open files'
	enough_descriptors
	writes_again() {
		tell c pwrite 0 x
		grep -q 'can change' "$LOG"
	}
	wait_until 60 writes_again
	said_times 1 'can change the content of an open file again'
	tell c close
	expect_value k3 x
}

test_a_lock_that_no_descriptor_is_left_for_is_said_once_until_it_works_again() {
	mount_stack
	set_value k v
	open_writer a k rw
	few_descriptors 0
	expect_told ENOLCK a flock ex
	expect_told ENOLCK a setlk ex
	said_times 1 'cannot make a lock: Too many open files'
	few_descriptors 1 # the file has its identity, and no owner
	expect_told ENOLCK a flock ex
	enough_descriptors
	locks_again() {
		tell a flock ex
		tell a flock un
		grep -q 'can make a lock' "$LOG"
	}
	wait_until 60 locks_again
	said_times 1 'cannot make a lock: Too many open files'
	said_times 1 'can make a lock again'
}

run_tests
