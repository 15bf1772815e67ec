#!/bin/bash
# fcntl locks: who waits in a circle is told of the deadlock, and nobody else is.
. "$(dirname "$0")/posix.sh"
. "$(dirname "$0")/lock.sh"

# holds NAME START: it has one byte of the lock.
holds() {
	tell "$1" open lock rw
	tell "$1" setlk ex "$2" 1
}

test_a_deadlock_of_two() {
	with_hands
	holds a 0
	holds b 10
	waits a setlkw ex 10 1
	expect_told EDEADLK b setlkw ex 0 1
	expect_told EAGAIN b setlk ex 0 1
	expect_told EDEADLK b setlkw sh 0 5
	tell b setlk un 10 1
	answers a ok
	expect_told EAGAIN b setlk ex 10 1
}

test_a_deadlock_of_four() {
	with_hands
	local name at=0
	for name in a b c d; do
		holds "$name" $((at++))
	done
	waits a setlkw ex 1 1
	waits b setlkw ex 2 1
	waits c setlkw ex 3 1
	expect_told EDEADLK d setlkw ex 0 1
	tell d close
	answers c ok
	tell c close
	answers b ok
	tell b close
	answers a ok
}

test_a_deadlock_of_two_upgrades() {
	with_hands
	tell a open lock rw
	tell b open lock rw
	tell a setlk sh
	tell b setlk sh
	waits a setlkw ex
	expect_told EDEADLK b setlkw ex
	tell b setlk un
	answers a ok
}

test_waits_in_a_row_are_no_deadlock() {
	with_hands
	holds a 0
	holds b 1
	holds c 2
	waits b setlkw ex 0 1
	waits c setlkw ex 1 1
	tell a setlk ex 5 1
	tell a close
	answers b ok
	tell b close
	answers c ok
}

# Interrupted waits do not count any more.
test_a_wait_that_was_interrupted_is_no_part_of_a_deadlock() {
	with_hands
	holds a 0
	holds b 1
	waits a setlkw ex 1 1
	kill_hand a INT
	soon b setlk ex 0 1
	tell c open lock rw
	waits c setlkw ex 0 1
	tell b setlk un
	answers c ok
}

run_posix_tests
