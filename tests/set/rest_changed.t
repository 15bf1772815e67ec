#!/bin/bash
# A temporary file that has become an entry can be written, removed and renamed again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_an_entry_that_is_opened_for_writing_is_a_temporary_file_again() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp old
	wait_until 30 scratch_files_are 0
	local ino
	ino=$(stat -c %i "$MNT/k.tmp")
	open_writer w k.tmp w,append
	tell w write " and new"
	expect_value k.tmp "old and new"
	scratch_files_are 1 || fail "it is none"
	tell w close
	expect "ino" "$ino" "$(stat -c %i "$MNT/k.tmp")"
	wait_until 30 scratch_files_are 0
	open_writer t k.tmp w,trunc
	expect_value k.tmp ""
	tell t write newer
	expect_value k.tmp newer
	mv "$MNT/k.tmp" "$MNT/k"
	tell t close
	expect_list "" k
	expect_value k newer
	kill_daemon
	expect_list "" k
	expect_value k newer
}

test_one_that_is_opened_and_not_written_to_is_no_new_set() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp value
	wait_until 30 scratch_files_are 0
	open_writer w k.tmp rw
	scratch_files_are 1 || fail "it is no temporary file"
	tell w close
	wait_until 30 scratch_files_are 0
	expect "sets" 1 "$(sets)"
	expect_value k.tmp value
	touch -d @1234567890 "$MNT/k.tmp"
	wait_until 30 scratch_files_are 0
	kill_daemon
	expect_value k.tmp value
	expect "mtime" 1234567890 "$(stat -c %Y "$MNT/k.tmp")"
}

test_one_that_was_removed_does_not_come_back() {
	over "$DISK" "$AT_ONCE"
	local i
	for i in {1..40}; do
		set_value "k$i.tmp" value
		[[ $((i % 2)) = 0 ]] || wait_until 30 is_in disk "k$i.tmp"
		rm "$MNT/k$i.tmp"
	done
	expect_list "" ""
	kill_daemon
	expect_list "" ""
}

test_a_rename_beside_its_becoming_an_entry_loses_nothing() {
	over "$DISK" '"scratch_publish_s": 0'
	local i
	for i in {1..100}; do
		set_value k.tmp "value $i"
		mv "$MNT/k.tmp" "$MNT/k$((i % 7))"
		expect_value "k$((i % 7))" "value $i"
		expect_absent k.tmp
		set_value a.tmp "value $i"
		mv "$MNT/a.tmp" "$MNT/b.tmp"
		expect_value b.tmp "value $i"
	done
	expect_list "" "b.tmp k0 k1 k2 k3 k4 k5 k6"
	kill_daemon
	expect_value k2 "value 100"
}

run_tests
