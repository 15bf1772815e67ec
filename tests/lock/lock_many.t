#!/bin/bash
# Very many wait for a lock, and the mount serves meanwhile.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lock.sh"

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
	wait_until 60 waiting_locks_are 30
	expect "waiting requests" 0 "$(jq .waits.waiting "$MNT/.cachefs/stats.json")"
	set_value k value
	expect_value k value
	for i in {1..30}; do
		kill_hand "$i" KILL
	done
	wait_until 60 waiting_locks_are 0
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
	wait_until 60 waiting_locks_are 0
	wait_until 60 flock -n "$MNT/lock" true
	as_before() { [[ $(descriptors) -le $before ]]; }
	wait_until 60 as_before
}

run_tests
