#!/bin/bash
# At the end of the daemon, who waits for a lock is told at once that there are none.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lock.sh"

two_wait() {
	two_locks
	begin_hand b flockw ex
	begin_hand c setlkw ex
	wait_until 60 waiting_locks_are 2
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
	begin_waiting d close
	kill -TERM "$DAEMON_PID"
	answers b ENOLCK
	answers c ENOLCK
	kill -CONT "$REDIS_PID"
	answers d ok
	await_daemon
}

run_tests
