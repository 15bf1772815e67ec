#!/bin/bash
# A temporary file is one file for all who have it open: readers, writers, mappings, locks.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

test_what_is_being_written_can_be_read_at_once() {
	mount_stack
	open_writer w k.part
	tell w write first
	open_reader r k.part
	expect_read r first
	tell w write second
	expect_read r firstsecond
	expect_value k.part firstsecond
	tell w close
	expect_read r firstsecond
	printf ' third' >>"$MNT/k.part"
	expect_read r "firstsecond third"
	open_writer t k.part w,trunc
	expect_read r ""
	expect_layers_untouched
}

test_two_writers_share_the_file() {
	mount_stack
	open_writer a k.tmp w,creat,append
	open_writer b k.tmp w,creat,append
	tell a write 1
	tell b write 2
	tell a write 3
	expect_value k.tmp 123
	tell a close
	tell b close
	expect_value k.tmp 123
}

test_a_mapping_sees_what_others_write() {
	mount_stack
	set_value k.tmp 12345
	tell m open k.tmp rw
	tell m map 5
	tell m poke 0 X
	tell m msync
	expect_value k.tmp X2345
	tell r open k.tmp r
	tell m poke 1 Y
	expect_read r XY345
}

test_a_lock_file_excludes_by_o_excl_and_by_flock() {
	mount_stack
	set -C
	echo 1 >"$MNT/x.lock"
	! (echo 2 >"$MNT/x.lock") 2>/dev/null || fail "created twice"
	set +C
	expect_value x.lock 1
	open_reader a x.lock
	tell a flock ex
	! flock -n "$MNT/x.lock" true || fail "locked twice"
	rm "$MNT/x.lock"
	flock -n "$MNT/x.lock" true
	expect_value x.lock ""
	ln -s "host:1" "$MNT/y.lock"
	expect_error "File exists" ln -s "host:2" "$MNT/y.lock"
	expect "link" "host:1" "$(readlink "$MNT/y.lock")"
	expect "type in a listing" "y.lock" "$(find "$MNT" -type l -printf %f)"
	expect_layers_untouched
	mv "$MNT/y.lock" "$MNT/y"
	expect "link" "host:1" "$(readlink "$MNT/y")"
}

run_tests
