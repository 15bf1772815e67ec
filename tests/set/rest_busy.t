#!/bin/bash
# A temporary file that is empty, open for writing or locked is not at rest; one that is only read is.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_an_empty_temporary_file_never_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	: >"$MNT/empty.tmp"
	: >"$MNT/x.lock"
	set_value k.tmp value
	wait_until 30 scratch_files_are 2
	expect "sets" 1 "$(sets)"
	expect_list "" "empty.tmp k.tmp x.lock"
}

test_what_is_open_for_writing_stays_a_temporary_file() {
	over "$DISK" "$AT_ONCE"
	open_writer w w.tmp
	tell w write half
	set_value k.tmp value
	wait_until 30 scratch_files_are 1
	is_not_in disk w.tmp || fail "half of a file is an entry"
	mv "$MNT/w.tmp" "$MNT/w"
	tell w close
	expect_value w half
}

test_so_does_what_is_locked() {
	over "$DISK" "$AT_ONCE"
	set_value x.tmp content
	open_reader r x.tmp
	tell r flock ex
	set_value k.tmp value
	wait_until 30 is_in disk k.tmp
	set_value k2.tmp value
	wait_until 30 is_in disk k2.tmp
	is_not_in disk x.tmp || fail "it was stored while it was locked"
	tell r flock un
	wait_until 30 is_in disk x.tmp
	expect_read r content
}

test_what_a_reader_holds_open_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp value
	open_reader r k.tmp
	wait_until 30 is_in disk k.tmp
	expect_read r value
	expect_value k.tmp value
	rm "$MNT/k.tmp"
	expect_read r value
	expect_absent k.tmp
}

run_tests
