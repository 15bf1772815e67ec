#!/bin/bash
# A set that no layer can take is refused at open: a shell does not look at what close() says.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/foreseen.sh"

# The only durable layer is away: what is opened to be written fails, whatever it is opened with.
check_away() {
	local open
	for open in '>' '>>' '>|'; do
		expect_shell_error "Input/output error" "echo v $open \"\$MNT/new\""
		expect_absent new
		expect_shell_error "Input/output error" "echo v $open \"\$MNT/k\""
	done
	expect_shell_error "Input/output error" ': >"$MNT/k"'
	expect_error "Input/output error" dd if=/dev/zero of="$MNT/k" bs=1 count=1 conv=notrunc
	expect_error "Input/output error" truncate -s 1 "$MNT/k"
	expect_error "Input/output error" python3 -ESc 'import sys; open(sys.argv[1], "w+")' "$MNT/k"
}

# What may never be written, and what is no set, is opened all the same.
check_locks_and_scratch_files() {
	in_shell 'exec 9<>"$MNT/a-lock" && flock -n 9'
	flock -n "$MNT/another" true
	echo content >"$MNT/k.tmp"
	expect_value k.tmp content
	expect_error "Input/output error" mv "$MNT/k.tmp" "$MNT/k"
	in_shell '(flock 9 && echo mine) 9>"$MNT/k.lock"'
}

test_a_server_that_is_down_is_told_at_open() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	set_value k old
	expect_value k old
	stop_redis
	set_value found-out x 2>/dev/null || true
	wait_until 60 layer_is redis true
	check_away
	expect_value k old
	check_locks_and_scratch_files
	start_redis
	wait_until 60 layer_is redis false
	in_shell 'echo new >"$MNT/k"'
	expect_value k new
}

test_a_damaged_database_is_told_at_open() {
	echo "this is no database, and none that may be written over" >db.sqlite
	mount_stack
	wait_until 60 layer_is disk true
	check_away
	check_locks_and_scratch_files
}

test_one_of_two_layers_that_is_there_is_enough() {
	start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
	stop_redis
	set_value k old
	wait_until 60 layer_is redis true
	in_shell 'echo v >"$MNT/k" && echo w >>"$MNT/k"'
	expect_value k $'v\nw'
}

test_the_journal_is_enough_as_well() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 0}}'
	stop_redis
	set_value k old
	wait_until 60 layer_is redis true
	in_shell 'echo v >"$MNT/k"'
	expect_value k v
}

run_tests
