#!/bin/bash
# A set that is larger than every limit is refused at write, before its close.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/foreseen.sh"

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

run_tests
