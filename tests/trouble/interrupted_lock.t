#!/bin/bash
# A caller that is interrupted or killed while another writer or a lock keeps it waiting ends, and leaves
# nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/interrupted.sh"

test_open_that_waits_for_a_pending_key() {
	local signal
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"pending_wait_ms": 10000}}'
	set_value k old
	wait_until 30 counts_are "$NOTHING"
	for signal in INT KILL; do
		open_writer w pending
		tell w write new
		send r open pending r
		interrupt r "$signal"
		tell w close
		ended r
		expect_value pending new
		rm "$MNT/pending"
		works_as_before "$NOTHING"
	done
}

# The waiting caller ends while the lock is still held.
lock_wait() {
	local unlocked=$1 locked=$2 waiting=$3 signal
	mount_stack
	set_value k old
	wait_until 30 counts_are "$NOTHING"
	for signal in INT KILL; do
		tell h open k rw
		tell h $locked
		tell w open k rw
		send w $waiting
		interrupt w "$signal"
		ended w
		tell h $unlocked
		tell other open k rw
		expect_told ok other $locked
		tell other close
		tell h close
		works_as_before "$NOTHING"
	done
}

test_a_wait_for_flock() {
	lock_wait "flock un" "flock ex" "flockw ex"
}

test_a_wait_for_a_fcntl_lock() {
	lock_wait "setlk un" "setlk ex" "setlkw ex"
}

test_a_wait_for_a_range_that_is_shared() {
	lock_wait "setlk un" "setlk sh 10 5" "setlkw ex 12 1"
}

run_tests
