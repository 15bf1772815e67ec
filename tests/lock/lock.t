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
	stop_process "$REDIS_PID"
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

# The daemon's threads are for what has to be read meanwhile: the unlock, for one.
test_a_thousand_of_one_user_wait_and_get_it_in_the_order_they_came() {
	local call
	mount_stack '"max_threads": 16'
	set_value lock ""
	for call in flock fcntl; do
		expect "$call" "1000 in order, 0 refused" "$("$HELPERS/queue" "$MNT/lock" 1000 $call)"
	done
	expect "waiting locks" 0 "$(jq .waits.locks "$MNT/.cachefs/stats.json")"
}

test_the_mount_serves_while_a_crowd_waits() {
	local i
	mount_stack '"max_threads": 4'
	set_value lock ""
	open_reader a lock
	tell a flock ex
	for i in {1..30}; do
		begin_hand "$i" open lock r
		read -r -t 60 ANSWER <&"${HAND_OUT[$i]}"
		begin_hand "$i" flockw ex
	done
	all_wait() { [[ $(jq .waits.locks "$MNT/.cachefs/stats.json") = 30 ]]; }
	wait_until 60 all_wait
	expect "waiting requests" 0 "$(jq .waits.waiting "$MNT/.cachefs/stats.json")"
	set_value k value
	expect_value k value
	for i in {1..30}; do
		kill_hand "$i" KILL
	done
	none_waits() { [[ $(jq .waits.locks "$MNT/.cachefs/stats.json") = 0 ]]; }
	wait_until 60 none_waits
	tell a flock un
	flock -n "$MNT/lock" true
}

# A signal, the unlock of another and the next request meet in the daemon.
test_signals_while_the_lock_is_handed_on_lose_nobody_a_lock() {
	local i pids=()
	mount_stack
	set_value lock ""
	descriptors() { ls "/proc/$DAEMON_PID/fd" | wc -l; }
	local before
	before=$(descriptors)
	for i in {1..8}; do
		(for ((n = 0; n < 60; n++)); do
			timeout -s "$([[ $((n % 2)) = 0 ]] && echo INT || echo KILL)" "0.00$((RANDOM % 9 + 1))" \
				env --default-signal=INT flock "$MNT/lock" bash -c : || true
		done) 2>/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	none_waits() { [[ $(jq .waits.locks "$MNT/.cachefs/stats.json") = 0 ]]; }
	wait_until 60 none_waits
	wait_until 60 flock -n "$MNT/lock" true
	as_before() { [[ $(descriptors) -le $before ]]; }
	wait_until 60 as_before
}

two_wait() {
	set_value lock ""
	open_writer a lock rw
	tell a flock ex
	tell a setlk ex
	open_writer b lock rw
	open_writer c lock rw
	begin_hand b flockw ex
	begin_hand c setlkw ex
	both_wait() { [[ $(jq .waits.locks "$MNT/.cachefs/stats.json") = 2 ]]; }
	wait_until 60 both_wait
}

# The drain is for requests that make progress.
test_at_the_end_those_who_wait_are_told_at_once_that_there_are_no_locks() {
	mount_stack '"drain_timeout": 600'
	two_wait
	kill -TERM "$DAEMON_PID"
	answers b ENOLCK
	answers c ENOLCK
	await_daemon
}

# Another request holds the end up.
test_at_the_end_locks_wait_for_no_other_request() {
	start_redis
	mount_redis '"socket_timeout": 600' '"drain_timeout": 600'
	two_wait
	open_writer d k
	tell d write value
	stop_process "$REDIS_PID"
	begin_hand d close
	wait_until 60 waits_for_the_daemon "${HAND_PID[d]}"
	kill -TERM "$DAEMON_PID"
	answers b ENOLCK
	answers c ENOLCK
	kill -CONT "$REDIS_PID"
	answers d ok
	await_daemon
}

run_tests
