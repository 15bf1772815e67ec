#!/bin/bash
# A caller that is interrupted or killed while a layer keeps its request waiting ends, and leaves nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/interrupted.sh"

redis_stops() { stop_process "$REDIS_PID"; }
redis_goes_on() { kill -CONT "$REDIS_PID"; }

mount_slow_redis() {
	start_redis
	mount_redis '"socket_timeout": 100'
}

nothing() { :; }

wrote() {
	open_writer w k w,trunc
	tell w write new
}

test_open_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on nothing open k r
}

test_close_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on wrote close
}

test_fsync_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on wrote fsync
}

# Another program's transaction; it ends with the lock.
database_is_locked() {
	coproc LOCKER { sqlite3 db.sqlite; }
	printf '.timeout 60000\nBEGIN IMMEDIATE; SELECT 1;\n' >&"${LOCKER[1]}"
	read -r -t 60 <&"${LOCKER[0]}"
}

database_is_free() {
	local pid=$LOCKER_PID
	printf 'ROLLBACK;\n.quit\n' >&"${LOCKER[1]}"
	wait "$pid" || true
}

test_close_that_waits_for_a_locked_database() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	held database_is_locked database_is_free wrote close
}

test_fsync_that_waits_for_a_locked_database() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	held database_is_locked database_is_free wrote fsync
}

# What is open is with the daemon: a value, or a working copy.
test_read_and_write_wait_for_no_layer() {
	local signal
	mount_slow_redis
	letters large L 3000000
	cp large "$MNT/large"
	set_value k old
	open_writer w k rw
	open_reader r large
	redis_stops
	expect_told ok w write new
	expect_told "ok new" w read
	expect_told "ok LLLLLLLLLL" r pread 2999990 10
	redis_goes_on
	tell r close
	tell w close
	expect_value k new
}

run_tests
