#!/bin/bash
# The mount is ended while many processes do random operations on a few names.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=${STRESS_SECONDS:-400}

start_working() {
	"$HELPERS/churn" -t 300 -p 16 --until-told "$MNT" >report 2>&1 &
	CHURN_PID=$!
	at_end "kill $CHURN_PID 2>/dev/null"
	wait_until 20 work_has_begun
}

work_has_begun() {
	[[ $(stat_of .sets) -gt 20 ]]
}

tell_workers() {
	kill "$CHURN_PID"
	wait_until 60 grep -q '^churn: told' report
}

await_workers() {
	wait "$CHURN_PID" || fail "churn: $(<report)"
	expect violations "churn: violations: 0" "$(grep violations report)"
}

expect_it_starts_again() {
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	ttl_passes 0.1 # as above
	find "$MNT" -type f -exec cat {} + >/dev/null
	set_value after restart
	expect_value after restart
}

test_sigterm_ends_the_daemon_while_16_processes_work() {
	mount_stack
	start_working
	tell_workers # what fails from now on is fine
	kill -TERM "$DAEMON_PID"
	await_daemon
	await_workers
	! is_mounted
	expect_it_starts_again
}

test_a_lazy_unmount_lets_16_processes_finish_and_then_ends_the_daemon() {
	mount_stack
	start_working
	fusermount3 -u -z "$MNT"
	! is_mounted
	sleep 0.5 # they work on in the detached mount
	kill -0 "$DAEMON_PID"
	tell_workers
	await_workers
	await_daemon
	expect_it_starts_again
}

test_an_unmount_under_load_is_refused_and_harms_nobody() {
	mount_stack
	start_working
	expect_error "busy" fusermount3 -u "$MNT"
	tell_workers
	await_workers
	unmount
	expect_it_starts_again
}

run_tests
