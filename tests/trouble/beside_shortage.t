#!/bin/bash
# A log is removed just when the daemon has no descriptors, or no address space, to open it anew.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/beside.sh"

# The daemon is short of something just when it has to open its files anew.
comes_back_after_a_shortage() {
	local scarce=$1 plenty=$2
	mount_alone
	set_many a 10
	prlimit --pid "$DAEMON_PID" "$scarce"
	rm db.sqlite-wal
	# refused or not, in time, and never a miss
	timeout 60 cp value "$MNT/k" 2>/dev/null || true
	timeout 60 cat "$MNT/a1" >got 2>said || ! grep -q 'No such file' said || fail "a miss"
	prlimit --pid "$DAEMON_PID" "$plenty"
	wait_until 60 layer_is disk false
	expect_many a 10
	set_many b 10
	kill_daemon
	expect_many a 10
	expect_many b 10
}

test_a_log_that_is_removed_while_there_are_no_descriptors() {
	comes_back_after_a_shortage --nofile=3: --nofile=1024:
}

test_a_log_that_is_removed_while_there_is_no_address_space() {
	! grep -qE '__(asan|tsan)_init' "$CACHEFS" || skip "a sanitizer ends for want of address space"
	comes_back_after_a_shortage --as=1000000: --as=unlimited:
}

run_tests
