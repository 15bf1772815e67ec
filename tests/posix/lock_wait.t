#!/bin/bash
# A wait for a lock ends with the lock, a signal or a kill.
. "$(dirname "$0")/posix.sh"
. "$(dirname "$0")/lock.sh"

test_locks_end_with_exit_and_with_kill() {
	with_hands
	local how
	tell b open lock rw
	for how in exit kill; do
		tell a open lock rw
		tell a flock ex
		tell a setlk ex
		expect_told EAGAIN b flock ex
		expect_told EAGAIN b setlk ex
		if [[ $how = exit ]]; then
			echo exit >&"${HAND_IN[a]}"
			wait "${HAND_PID[a]}"
			unset "HAND_PID[a]"
		else
			kill_hand a KILL
		fi
		rm -f "$TMP"/.hand-a.*
		soon b flock ex
		soon b setlk ex
		tell b flock un
		tell b setlk un
	done
}

test_a_waiting_lock_is_given_when_the_other_ends() {
	with_hands
	local call kind
	for kind in flock setlk; do
		tell a open lock rw
		tell b open lock rw
		tell a "$kind" ex
		waits b "${kind}w" ex
		tell a "$kind" un
		answers b ok
		waits a "${kind}w" sh
		tell b close
		answers a ok
		tell b open lock rw
		waits b "${kind}w" ex
		kill_hand a KILL
		rm -f "$TMP"/.hand-a.*
		answers b ok
		tell b close
	done
}

test_a_signal_ends_the_wait() {
	with_hands
	local kind
	tell a open lock rw
	tell b open lock rw
	for kind in flock setlk; do
		tell a "$kind" ex
		waits b "${kind}w" ex
		kill -USR1 "${HAND_PID[b]}"
		answers b EINTR
		expect_told EAGAIN b "$kind" ex
		tell a "$kind" un
		tell b "$kind" ex
		tell b "$kind" un
	done
}

test_who_is_killed_while_waiting_gets_no_lock() {
	with_hands
	local kind
	tell a open lock rw
	tell c open lock rw
	for kind in flock setlk; do
		tell b open lock rw
		tell a "$kind" ex
		waits b "${kind}w" ex
		kill_hand b KILL
		rm -f "$TMP"/.hand-b.*
		tell a "$kind" un
		soon c "$kind" ex
		tell c "$kind" un
	done
}

test_many_who_wait_get_it_one_after_the_other() {
	with_hands
	local i pids=()
	echo 0 >counter
	for i in 1 2 3 4; do
		(for ((n = 0; n < 15; n++)); do
			flock lock bash -c 'read -r n <counter; echo $((n + 1)) >counter'
		done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect counter 60 "$(<counter)"
}

run_posix_tests
