#!/bin/bash
# A set is published by close, whole or not at all.
. "$(dirname "$0")/../lib.sh"

test_a_set_is_published_by_close() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write new
	expect_value k old
	tell w close
	expect_value k new
}

test_a_duplicated_descriptor_that_closes_publishes_nothing_unwritten() {
	mount_with '{"type": "memory"}'
	set_value k old
	open_writer w k
	tell w dupclose
	expect_value k old
	tell w write new
	tell w close
	expect_value k new
}

test_echo_over_an_existing_key_never_shows_an_empty_value() {
	mount_with '{"type": "memory"}'
	set_value k value
	(for ((i = 0; i < 300; i++)); do echo value >"$MNT/k"; done) &
	local writer=$!
	while kill -0 "$writer" 2>/dev/null; do
		expect_value k value
	done
}

test_fsync_publishes() {
	mount_stack
	open_writer w k
	tell w write "as far as here"
	tell w fsync
	expect_value k "as far as here"
	tell w write " and on"
	expect_value k "as far as here"
	tell w close
	expect_value k "as far as here and on"
}

test_the_last_close_of_two_private_sets_wins_whole() {
	mount_with '{"type": "memory"}'
	set_value k old
	open_writer a k
	open_writer b k
	tell a write "the longer value of a"
	tell b write "b"
	tell b close
	expect_value k b
	tell a close
	expect_value k "the longer value of a"
}

test_a_set_survives_the_death_of_the_daemon() {
	mount_stack
	set_value k value
	mkdir "$MNT/d"
	set_value d/k2 value2
	kill_daemon
	expect_value k value
	expect_value d/k2 value2
}

test_mtime_does_not_move_after_close() {
	mount_stack
	set_value k value
	local before
	before=$(stat -c %y "$MNT/k")
	expect_value k value
	ttl_passes 0.2
	expect mtime "$before" "$(stat -c %y "$MNT/k")"
	restart_daemon
	expect "mtime after a restart" "$before" "$(stat -c %y "$MNT/k")"
}

test_a_value_that_no_layer_takes_fails_and_leaves_the_old_one() {
	mount_with '{"type": "memory", "options": {"max_bytes": 100000}}'
	set_value k old
	random_file big 300000
	if cp big "$MNT/k" 2>/dev/null; then
		fail "a value larger than the only layer was taken"
	fi
	expect_value k old
}

# The kernel closes what is close-on-exec in the middle of execve(2), and may show nothing of the process
# until that has ended.
test_a_program_started_while_its_parent_writes_does_not_hang() {
	mount_stack
	timeout -k 1 60 python3 -ES - "$MNT/k" <<-'END'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
		os.write(fd, b"half")
		assert os.system("true") == 0
		os.write(fd, b" and half")
		os.close(fd)
	END
	expect_value k "half and half"
}

run_tests
