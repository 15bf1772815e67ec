#!/bin/bash
. "$(dirname "$0")/posix.sh"

# flock and fcntl locks between processes: hands (lib.sh), in the test's own directory.

end_hands() {
	local rc=$? pid
	trap - ERR
	set +eE
	for pid in "${HAND_PID[@]}"; do
		kill -9 "$pid"
		wait "$pid"
	done 2>/dev/null
	exit "$rc"
}

with_hands() {
	MNT=$PWD
	trap end_hands EXIT
	echo content >lock
}

SYS_FLOCK=73 SYS_FCNTL=72

is_in() {
	[[ $(cut -d' ' -f1 "/proc/${HAND_PID[$1]}/syscall") = "$2" ]]
}

# waits NAME COMMAND...: begins a call that waits.
waits() {
	local name=$1 number=$SYS_FLOCK
	shift
	[[ $1 = flockw ]] || number=$SYS_FCNTL
	begin_hand "$name" "$@"
	wait_until 20 is_in "$name" "$number"
}

# The lock of a process that has ended is given back a moment later.
soon() {
	gets_it() { hand "$@" && [[ $ANSWER = ok* ]]; }
	wait_until 20 gets_it "$@"
}

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

test_flock_excludes_whatever_way_the_file_is_opened() {
	with_hands
	local mine other
	for mine in r w rw w,append; do
		tell a open lock "$mine"
		tell a flock ex
		for other in r w rw rw,append; do
			tell b open lock "$other"
			expect_told EAGAIN b flock ex
			expect_told EAGAIN b flock sh
			tell b close
		done
		tell a close
		tell b open lock r
		soon b flock ex
		tell b close
	done
}

test_a_refused_flock_conversion_gives_up_what_was_held() {
	with_hands
	tell a open lock r
	tell b open lock r
	tell a flock sh
	tell b flock sh
	expect_told EAGAIN a flock ex
	tell b flock ex
	expect_told EAGAIN a flock sh
	tell b flock sh
	tell a flock sh
}

test_a_flock_is_shared_by_a_fork_and_kept_by_a_dup() {
	with_hands
	tell a open lock r
	tell b open lock r
	tell a flock ex
	tell a dupclose
	expect_told EAGAIN b flock ex
	tell a fork
	local child=$ANSWER
	tell a close
	expect_told EAGAIN b flock ex
	kill -9 "$child"
	soon b flock ex
}

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

test_a_file_of_the_same_name_is_another_lock() {
	with_hands
	tell a open lock rw
	tell a flock ex
	rm lock
	echo new >lock
	tell b open lock rw
	tell b flock ex
	mv lock other
	tell c open other r
	expect_told EAGAIN c flock sh
}

run_posix_tests
