#!/bin/bash
# A lock ends with its holder, and a wait for one with the unlock or a signal.
. "$(dirname "$0")/../lib.sh"

test_a_lock_ends_with_its_process() {
	mount_stack
	set_value lock text
	open_writer a lock rw
	tell a setlk ex
	open_reader c lock
	tell c flock ex
	kill_hand a KILL
	kill_hand c KILL
	open_writer b lock rw
	unlocked() { hand b setlk ex && [[ $ANSWER = ok ]]; }
	wait_until 5 unlocked
	unflocked() { hand b flock ex && [[ $ANSWER = ok ]]; }
	wait_until 5 unflocked
}

test_an_fcntl_lock_ends_with_close() {
	mount_stack
	set_value lock text
	open_writer a lock rw
	open_writer b lock rw
	tell a setlk ex
	tell a dupclose
	tell b setlk ex
}

test_an_fcntl_lock_is_held_until_its_close_has_published() {
	start_redis
	mount_redis '"socket_timeout": 60'
	set_value k old
	open_writer a k rw
	open_writer b k rw
	tell a setlk ex
	tell a pwrite 0 new
	stop_process "$REDIS_PID"
	begin_waiting a close
	expect_told EAGAIN b setlk ex
	kill -CONT "$REDIS_PID"
	read -r -t 60 ANSWER <&"${HAND_OUT[a]}"
	expect "close" ok "$ANSWER"
	tell b setlk ex
}

test_a_waiting_lock_is_granted_by_the_unlock() {
	mount_stack
	set_value lock ""
	open_reader a lock
	tell a flock ex
	flock "$MNT/lock" touch granted &
	local waiter=$!
	expect_value lock ""
	[[ ! -e granted ]] || fail "the lock was granted to two"
	tell a flock un
	wait "$waiter"
	test -e granted
}

test_a_waiting_lock_can_be_interrupted() {
	mount_stack
	set_value lock ""
	open_reader a lock
	tell a flock ex
	env --default-signal=INT flock "$MNT/lock" true &
	local waiter=$!
	waits() { grep -q 'fuse\|request_wait' "/proc/$waiter/stack" 2>/dev/null || grep -q '^State:.[SD]' "/proc/$waiter/status"; }
	wait_until 5 waits
	kill -INT "$waiter"
	ended() { ! kill -0 "$waiter" 2>/dev/null; }
	wait_until 5 ended
	wait "$waiter" || true
	tell a flock un
	flock -n "$MNT/lock" true
}

run_tests
