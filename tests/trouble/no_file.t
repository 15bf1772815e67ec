#!/bin/bash
# A symbolic link or a pipe in the place of a value file is damage, and is never followed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/shortage.sh"

# what_is_no_file_is_undrained_damage COMMAND...
what_is_no_file_is_undrained_damage() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	stop_redis
	random_file value 2000000
	cp value "$MNT/k"
	set_value other x
	cp value elsewhere
	"$@" state/state.sqlite.values/*
	# EIO, or a miss once the drain has set it aside: what it leads to is never served
	! timeout 60 cat "$MNT/k" >got 2>/dev/null || fail "it was read"
	expect "bytes" 0 "$(stat -c %s got)"
	wait_until 60 grep -q 'row 1 is damaged' "$LOG"
	expect_value other x
	start_redis
	wait_until 60 layer_is redis false
	control flush || true
	expect_value other x
	expect "in Redis" x "$(redis --raw GET accuralai:cache:other)"
	cmp value elsewhere
}

test_a_symbolic_link_in_the_place_of_an_undrained_value_file_is_damage() {
	what_is_no_file_is_undrained_damage put_a_link
}

test_a_pipe_in_the_place_of_an_undrained_value_file_is_damage() {
	what_is_no_file_is_undrained_damage put_a_pipe
}

# what_is_no_file_is_damage COMMAND...: which puts something in the place of the value file that it is given.
what_is_no_file_is_damage() {
	random_file value 20000
	cp value "$MNT/k"
	cp value elsewhere
	unmount
	"$@" "$(only_value_file)"
	start_daemon "$TMP/cachefs.json"
	expect_error "Input/output error" timeout 60 cat "$MNT/k"
	grep -q 'no regular file in the place of the file of "k".*damaged' "$LOG"
	echo new >"$MNT/k"
	expect_value k new
	cmp value elsewhere
}

put_a_link() {
	ln -sf "$TMP/elsewhere" "$1"
}

# One that nobody writes: to open it would be to wait for ever.
put_a_pipe() {
	rm "$1"
	mkfifo "$1"
}

test_a_symbolic_link_in_the_place_of_a_value_file_is_damage() {
	mount_value_files
	what_is_no_file_is_damage put_a_link
}

test_a_symbolic_link_in_the_place_of_a_value_file_below_memory_is_damage() {
	mount_stack '' '"inline_limit_kb": 4'
	what_is_no_file_is_damage put_a_link
}

test_a_pipe_in_the_place_of_a_value_file_is_damage() {
	mount_value_files
	what_is_no_file_is_damage put_a_pipe
}

test_a_pipe_in_the_place_of_a_value_file_below_memory_is_damage() {
	mount_stack '' '"inline_limit_kb": 4'
	what_is_no_file_is_damage put_a_pipe
}

test_a_pipe_in_the_place_of_a_database_keeps_only_its_layer_away() {
	mkfifo db.sqlite
	mount_stack
	expect_error "Input/output error" cp /etc/hostname "$MNT/k"
	unmount
}

run_tests
