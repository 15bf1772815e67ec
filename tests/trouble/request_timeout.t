#!/bin/bash
# With a kernel that has a timeout of requests, every request that has to wait is answered in time, and the
# mount goes on.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../lock/lock.sh"
. "$(dirname "$0")/request_timeout.sh"

mount_slow_redis() {
	start_redis
	mount_redis '"socket_timeout": 600' "${1:-}"
}

redis_stops() { stop_process "$REDIS_PID"; }
redis_goes_on() { kill -CONT "$REDIS_PID"; }

nothing_waits() { [[ $(jq -c '[.memory.handles, .waits.waiting]' "$MNT/.cachefs/stats.json") = "[0,0]" ]]; }

# A close waits all the while, and so do two locks, again and again.
test_the_mount_outlives_three_timeouts_with_requests_that_wait() {
	local end=$((${EPOCHREALTIME/./} + 61000000))
	with_timeout 15
	mount_slow_redis
	set_value k old
	two_locks
	open_writer d k
	tell d write new
	redis_stops
	begin_waiting d close
	while ((${EPOCHREALTIME/./} < end)); do
		begin_waiting b flockw ex
		begin_waiting c setlkw ex
		answers b ENOLCK
		answers c ENOLCK
	done
	answers d ETIMEDOUT
	redis_goes_on
	is_new() { [[ $(cat "$MNT/k") = new ]]; }
	wait_until 60 is_new
	begin_waiting b flockw ex
	tell a flock un
	answers b ok
	log_says "locks were waited for" || fail "the log does not say that locks were refused"
	log_says "FLUSH took longer" || fail "the log does not say that a close was answered"
}

# What a handler still works with stays, though the kernel has closed and forgotten it.
test_what_was_answered_in_time_goes_on_and_harms_nobody() {
	with_timeout 8
	mount_slow_redis
	set_value k old
	open_writer d k
	tell d write new
	open_writer e other
	tell e write value
	open_reader r k
	redis_stops
	begin_waiting d close
	begin_waiting e fsync
	begin_waiting f open k r
	begin_waiting g open new w,creat
	answers d ETIMEDOUT
	answers e ETIMEDOUT
	answers f ETIMEDOUT
	answers g ETIMEDOUT
	expect_error "timed out" stat "$MNT/unknown"
	expect_error "timed out" ls -l "$MNT"
	tell r close
	begin_hand e exit
	wait_until 60 has_ended "${HAND_PID[e]}"
	echo 2 >/proc/sys/vm/drop_caches
	redis_goes_on
	wait_until 60 nothing_waits
	expect_value k new
	expect_value other value
	set_value k after
	expect_value k after
}

# What the layer did not do by then it may do or not: the caller has an error.
test_removals_and_renames_are_answered_in_time() {
	local pids=() pid
	with_timeout 4
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	mkdir "$MNT/d"
	set_value k old
	set_value gone x
	set_value d/in x
	set_value from x
	lock_database
	rm "$MNT/gone" 2>err1 &
	pids+=($!)
	rmdir "$MNT/d" 2>err2 &
	pids+=($!)
	mv "$MNT/from" "$MNT/to" 2>err3 &
	pids+=($!)
	mkdir "$MNT/new" 2>err4 &
	pids+=($!)
	touch "$MNT/k" 2>err5 &
	pids+=($!)
	for pid in "${pids[@]}"; do
		! wait "$pid" || fail "it did not wait"
	done
	expect "the errors" 5 "$(cat err? | grep -cE 'timed out|Input/output error')"
	unlock_database
	writes() { set_value k after 2>/dev/null; }
	wait_until 60 writes
	expect_value k after
	wait_until 60 nothing_waits
}

# More callers than threads: those whose request nobody has read would be late as well.
test_threads_that_go_on_are_replaced() {
	local i
	with_timeout 8
	mount_slow_redis '"max_threads": 4'
	set_value k old
	redis_stops
	for i in {1..10}; do
		begin_waiting "$i" open "k$i" r
	done
	for i in {1..10}; do
		answers "$i" ETIMEDOUT
	done
	redis_goes_on
	expect_value k old
}

run_tests
