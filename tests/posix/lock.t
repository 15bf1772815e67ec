#!/bin/bash
# fcntl locks have ranges, kinds and an owner that is a process.
. "$(dirname "$0")/posix.sh"
. "$(dirname "$0")/lock.sh"

test_fcntl_locks_have_ranges_that_split_and_merge() {
	with_hands
	tell a open lock rw
	tell b open lock rw
	tell a setlk ex 0 10
	tell b setlk ex 10 10
	expect_told EAGAIN b setlk sh 9 1
	tell a setlk un 4 2
	expect_told "ok ex 0 4 ${HAND_PID[a]}" b getlk ex 0 10
	expect_told "ok ex 6 4 ${HAND_PID[a]}" b getlk sh 4 6
	tell b setlk sh 4 2
	expect_told EAGAIN a setlk ex 0 10
	expect_told "ok sh 4 2 ${HAND_PID[b]}" a getlk ex 0 10
	tell b setlk un 4 2
	tell a setlk ex 4 2
	expect_told "ok ex 0 10 ${HAND_PID[a]}" b getlk ex 0 0
	tell a setlk un
	expect_told "ok free" b getlk ex 0 10
}

test_fcntl_locks_are_upgraded_and_downgraded() {
	with_hands
	tell a open lock rw
	tell b open lock rw
	tell a setlk sh
	tell b setlk sh
	expect_told EAGAIN a setlk ex
	expect_told EAGAIN b setlk ex
	tell b setlk un
	tell a setlk ex
	expect_told EAGAIN b setlk sh
	tell a setlk sh
	tell b setlk sh
}

test_an_fcntl_lock_needs_a_file_opened_for_it() {
	with_hands
	tell a open lock r
	expect_told EBADF a setlk ex
	tell a setlk sh
	tell b open lock w
	expect_told EBADF b setlk sh
	expect_told EAGAIN b setlk ex
}

test_fcntl_locks_end_with_any_close_by_their_process() {
	with_hands
	tell a open lock rw
	tell b open lock rw
	tell a setlk ex
	expect_told EAGAIN b setlk ex
	tell a dupclose
	tell b setlk ex
}

test_a_child_does_not_have_its_parents_fcntl_locks() {
	with_hands
	tell a open lock rw
	tell b open lock rw
	tell a setlk ex
	tell a fork
	tell a close
	tell b setlk ex
}

run_posix_tests
