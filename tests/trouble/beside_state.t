#!/bin/bash
# The state directory, or some of it, removed or cut off while the daemon has it: sets that only the
# journal has, and removals that a layer has not been told of, are there all the same.
. "$(dirname "$0")/../lib.sh"

mount_undrained() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	set_value gone old
	control flush
	stop_redis
}

# Dies at once after COMMAND and a set, and later when it has had time to notice by itself.
survives() {
	local text=$1
	shift
	mount_undrained
	set_many a 10
	rm "$MNT/gone"
	"$@"
	wait_until 60 grep -q -e "$text" "$LOG"
	kill_daemon
	expect_many a 10
	expect_absent gone
	set_many b 10
	"$@"
	set_many c 1
	kill_daemon
	expect_many a 10
	expect_many b 10
	expect_many c 1
	start_redis
	wait_until 60 layer_is redis false
	control flush
	expect "in Redis" "a10 b10 c1 " "$(redis --raw MGET accuralai:cache:a10 accuralai:cache:b10 accuralai:cache:c1 | tr -s '\n' ' ')"
	expect_absent gone
}

test_a_state_directory_that_is_removed() {
	survives 'state: .* the database was removed' rm -r state
}

test_a_state_database_that_is_removed() {
	survives 'state: .* the database was removed' rm state/state.sqlite
}

test_a_state_database_and_its_log_that_are_removed() {
	survives 'state: .* the database was removed' rm state/state.sqlite state/state.sqlite-wal
}

test_a_state_log_that_is_removed() {
	survives 'state: .*-wal file was removed' rm state/state.sqlite-wal
}

test_a_state_log_that_is_emptied() {
	survives 'state: .*-wal file was cut off' truncate -s 0 state/state.sqlite-wal
}

test_a_state_lock_that_is_removed() {
	survives 'state: the lock of .* was removed' rm state/lock
}

test_an_unmount_before_anybody_has_noticed() {
	mount_undrained
	set_many a 10
	rm -r state
	restart_daemon
	expect_many a 10
}

# Another daemon has the directory meanwhile: two would each know half. It is refused, and over when that one ends.
test_a_lock_that_another_program_has_taken() {
	mount_undrained
	set_many a 3
	stop_process "$DAEMON_PID"
	rm state/lock
	flock state/lock sleep 1000 &
	local other=$!
	lock_is_taken() {
		! flock -n state/lock true
	}
	wait_until 60 lock_is_taken
	kill -CONT "$DAEMON_PID"
	expect_error "Input/output error" cp value "$MNT/k"
	grep -q 'the lock of .* was removed, and cannot be taken again' "$LOG"
	kill $(cat "/proc/$other/task/$other/children") "$other" 2>/dev/null || true
	sets_again() {
		cp value "$MNT/k" 2>/dev/null
	}
	wait_until 60 sets_again
	expect_many a 3
}

test_large_sets_that_are_lost_are_logged_with_their_number() {
	mount_undrained
	random_file large 2000000
	cp large "$MNT/l1"
	cp large "$MNT/l2"
	set_many a 3
	rm -r state
	wait_until 60 grep -q 'state: 2 sets with large values are lost' "$LOG"
	expect_many a 3
}

run_tests
