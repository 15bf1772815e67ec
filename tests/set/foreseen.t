#!/bin/bash
# What is known beforehand of a set fails before its close: a shell does not look at what close() says.
. "$(dirname "$0")/../lib.sh"

# Commands of a shell, on $MNT: as it sees them.
in_shell() {
	MNT=$MNT bash -c "$1" _ "${@:2}"
}

expect_shell_error() {
	expect_error "$1" in_shell "$2"
}

# expect_write_error TEXT FILE KEY: said to who writes, not to who closes.
expect_write_error() {
	expect_error "$1" in_shell 'cat "$1" >"$MNT/$2"' "$2" "$3"
}

# --- no layer that a set needs is there: at open ---------------------------------------------------

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

# --- larger than every limit: at write ---------------------------------------------------------------

# check_limit SIZE: no layer takes so much.
check_limit() {
	set_value k old
	expect_write_error "write error: File too large" "$1" k
	expect_value k old
	expect_error "error writing" dd if="$1" of="$MNT/k" bs=64K oflag=append conv=notrunc
	expect_value k old
	expect_error "File too large" truncate -s "$(stat -c %s "$1")" "$MNT/k"
	expect_error "File too large" fallocate -l "$(stat -c %s "$1")" "$MNT/k"
	expect_value k old
	expect_write_error "write error: File too large" "$1" new
	expect_absent new
	cp "$1" "$MNT/k.tmp"
	cmp "$1" "$MNT/k.tmp"
}

test_memory_that_is_too_small_is_told_at_write() {
	mount_with '{"type": "memory", "options": {"max_bytes": 20000}}'
	random_file big 50000
	check_limit big
}

test_a_database_that_is_too_small_is_told_at_write() {
	mount_stack "" '"size_limit_mb": 1'
	random_file big 1100000
	check_limit big
}

test_limits_of_types_are_told_before_anything_is_written() {
	start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}},
		{"type": "file", "options": {"directory": "files"}}], "cachefs": {"state_dir": "state"}}'
	set_value k old
	expect_error "File too large" truncate -s 513M "$MNT/k"
	expect_value k old
	truncate -s 1 "$MNT/k"
	expect_value k o
	unmount
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	expect_error "File too large" truncate -s 257M "$MNT/k"
	expect_value k o
}

test_what_a_slower_layer_takes_is_not_refused() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 20000}},
		{"type": "disk", "options": {"path": "db.sqlite"}}]}'
	random_file big 50000
	cat big >"$MNT/k"
	cmp big "$MNT/k"
}

# --- no room: at write --------------------------------------------------------------------------------

test_a_full_journal_is_told_at_write() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 0, "journal_max_mb": 1, "journal_wait": 0.2}}'
	set_value small old
	stop_redis
	letters value v 400000
	cp value "$MNT/k1"
	cp value "$MNT/k2"
	expect_write_error "write error: No space left on device" value k3
	expect_absent k3
	letters value w 400000
	cat value >"$MNT/k2" # in its own place there is room
	cmp value "$MNT/k2"
	expect_value small old
	start_redis
	wait_until 60 journal_is_empty
	cat value >"$MNT/k3"
	cmp value "$MNT/k3"
}

journal_is_empty() {
	[[ $(jq .journal.entries "$MNT/.cachefs/stats.json") = 0 ]]
}

# A layer in $TMP/store, whose disk another program fills: what does not fit, whatever it evicts, is refused at each
# write from the first refusal on, until there is room. What fits is not.
check_full() {
	letters new n 300000
	letters small s 3000
	cp small "$MNT/k"
	fill_up
	expect_error "No space left on device" cp new "$MNT/k"
	local i
	for i in 1 2 3; do
		expect_write_error "write error: No space left on device" new k
		cmp small "$MNT/k"
	done
	space_again
	cat new >"$MNT/k"
	cmp new "$MNT/k"
}

test_a_full_disk_below_files_is_told_at_write() {
	small_disk 2
	mount_with '{"type": "file", "options": {"directory": "store/files", "min_free_mb": 0}}'
	check_full
}

test_a_full_disk_below_files_with_nothing_to_evict_is_told_the_first_time() {
	small_disk 2
	mount_with '{"type": "file", "options": {"directory": "store/files", "min_free_mb": 0}}'
	fill_up
	expect_shell_error "No space left on device" 'echo v >"$MNT/k"'
	expect_absent k
	space_again
	in_shell 'echo v >"$MNT/k"'
	expect_value k v
}

test_a_full_disk_below_a_database_is_told_at_write() {
	small_disk 4
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"'"${1:+, $1}"'}}'
	check_full
}

test_a_full_disk_below_files_of_values_is_told_at_write() {
	test_a_full_disk_below_a_database_is_told_at_write '"inline_limit_kb": 64'
}

test_a_full_server_is_told_at_write() {
	start_redis --maxmemory-policy noeviction
	mount_redis
	letters value v 100000
	cp value "$MNT/k"
	redis CONFIG SET maxmemory 1 >/dev/null
	expect_error "No space left on device" cp value "$MNT/k2"
	expect_write_error "write error: No space left on device" value k2
	expect_absent k2
	redis CONFIG SET maxmemory 0 >/dev/null
	wait_until 60 set_succeeds value k2
	cmp value "$MNT/k2"
}

run_tests
