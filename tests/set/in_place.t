#!/bin/bash
# Appends and changes of a part of a value: in place, shared by all writers, published at close.
. "$(dirname "$0")/../lib.sh"

test_append_adds_to_the_value() {
	mount_stack
	echo one >"$MNT/k"
	echo two >>"$MNT/k"
	expect_value k $'one\ntwo'
	echo made >>"$MNT/fresh"
	expect_value fresh made
}

test_four_shells_appending_lose_no_line() {
	mount_stack
	local i n
	for n in 1 2 3 4; do
		(for ((i = 0; i < 100; i++)); do echo "$n $i" >>"$MNT/k"; done) &
	done
	wait $(jobs -p | grep -vx "$DAEMON_PID")
	expect lines 400 "$(wc -l <"$MNT/k")"
	expect "distinct lines" 400 "$(sort -u "$MNT/k" | wc -l)"
}

test_appenders_of_a_key_that_is_still_pending_lose_nothing() {
	mount_with '{"type": "memory"}'
	open_writer a log w,creat,append
	open_writer b log w,creat,append
	tell a write "a1 "
	tell b write "b1 "
	tell a write "a2 "
	tell a close
	tell b close
	expect_value log "a1 b1 a2 "
}

test_a_part_is_overwritten_in_place() {
	mount_stack
	set_value k 0123456789
	printf XY | dd of="$MNT/k" bs=1 seek=4 conv=notrunc status=none
	expect_value k 0123XY6789
}

test_a_hole_reads_as_zeros() {
	mount_stack
	open_writer w k
	tell w pwrite 5 end
	tell w close
	expect size 8 "$(stat -c %s "$MNT/k")"
	expect bytes "0000000000656e64" "$(xxd -p "$MNT/k")"
}

test_truncate_shortens_and_lengthens() {
	mount_stack
	set_value k 0123456789
	truncate -s 4 "$MNT/k"
	expect_value k 0123
	truncate -s 6 "$MNT/k"
	expect bytes 303132330000 "$(xxd -p "$MNT/k")"
}

test_a_change_in_place_is_published_at_close() {
	mount_stack
	set_value k old-value
	open_writer w k rw
	tell w pwrite 0 NEW
	expect_value k old-value
	tell w close
	expect_value k NEW-value
}

test_a_writer_sees_what_it_wrote() {
	mount_stack
	set_value k old-value
	open_writer w k rw
	tell w pwrite 0 NEW
	tell w read
	expect "the writer's own read" NEW-value "$ANSWER"
}

test_writers_in_place_share_one_working_copy() {
	mount_with '{"type": "memory"}'
	set_value k ..........
	open_writer a k rw
	open_writer b k rw
	tell a pwrite 0 aaa
	tell b pwrite 5 bbb
	tell a close
	tell b close
	expect_value k aaa..bbb..
}

test_pages_written_through_a_mapping_are_published() {
	mount_stack
	set_value k 0123456789
	open_writer w k rw
	tell w map
	tell w poke 3 XYZ
	tell w unmap
	tell w close
	wait_until 5 grep -q 012XYZ6789 "$MNT/k"
}

test_msync_publishes_what_the_mapping_holds() {
	mount_stack
	set_value k 0123456789
	open_writer w k rw
	tell w map
	tell w poke 3 XYZ
	tell w msync
	expect_value k 012XYZ6789
}

test_a_database_of_sqlite_works_on_the_mount() {
	mount_stack
	sqlite3 "$MNT/app.db" 'CREATE TABLE t(x); INSERT INTO t VALUES(1),(2);'
	sqlite3 "$MNT/app.db" 'INSERT INTO t VALUES(3);'
	restart_daemon
	expect sum 6 "$(sqlite3 "$MNT/app.db" 'SELECT sum(x) FROM t')"
	expect integrity ok "$(sqlite3 "$MNT/app.db" 'PRAGMA integrity_check')"
}

run_tests
