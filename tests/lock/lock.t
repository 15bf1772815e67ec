#!/bin/bash
. "$(dirname "$0")/../lib.sh"

test_flock_excludes() {
	mount_stack
	set_value lock ""
	open_reader a lock
	open_reader b lock
	tell a flock ex
	expect_told EAGAIN b flock ex
	expect_told EAGAIN b flock sh
	tell a flock un
	tell b flock ex
}

test_flock_excludes_over_a_set_of_the_key() {
	mount_stack
	set_value lock old
	open_reader a lock
	tell a flock ex
	set_value lock new
	open_reader b lock
	expect_told EAGAIN b flock ex
	tell a close
	tell b flock ex
}

test_shared_locks_admit_each_other() {
	mount_stack
	set_value lock ""
	open_reader a lock
	open_reader b lock
	tell a flock sh
	tell b flock sh
	expect_told EAGAIN b flock ex
}

test_fcntl_locks_exclude() {
	mount_stack
	set_value lock text
	open_writer a lock rw
	open_writer b lock rw
	tell a setlk ex
	expect_told EAGAIN b setlk ex
	expect_told EAGAIN b setlk sh
	tell a setlk un
	tell b setlk ex
}

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
	kill -STOP "$REDIS_PID"
	begin_hand a close
	wait_until 20 waits_for_the_daemon "${HAND_PID[a]}"
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

test_the_lock_of_a_shell_with_a_redirection_excludes() {
	mount_stack
	echo 0 >"$MNT/counter"
	local i
	count() {
		for ((i = 0; i < 25; i++)); do
			(
				flock 9
				echo $(($(<"$MNT/counter") + 1)) >"$MNT/counter"
			) 9>"$MNT/lock"
		done
	}
	local pids=()
	for _ in 1 2 3 4; do
		count &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_value counter 100
}

test_the_lock_file_of_flock_stays_an_empty_key() {
	mount_stack
	flock "$MNT/lock" true
	expect_value lock ""
}

run_tests
