#!/bin/bash
# unlink invalidates a key in all layers; who has it open keeps it.
. "$(dirname "$0")/../lib.sh"

test_unlink_invalidates_in_all_layers() {
	mount_stack
	set_value k value
	rm "$MNT/k"
	expect_absent k
	restart_daemon
	expect_absent k
}

test_unlink_drops_a_pending_set() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write stale
	rm "$MNT/k"
	tell w close
	expect_absent k
}

test_an_unlinked_open_file_stays_readable_and_writable() {
	mount_stack
	open_writer w k rw,creat,trunc
	tell w write "some text"
	rm "$MNT/k"
	expect_read w "some text"
	tell w pwrite 0 SOME
	expect_read w "SOME text"
	tell w close
	expect_absent k
}

test_a_key_may_be_set_again_while_the_unlinked_file_is_open() {
	mount_stack
	open_writer w k
	tell w write stale
	rm "$MNT/k"
	set_value k fresh
	tell w close
	expect_value k fresh
}

test_links_and_special_files_are_not_permitted() {
	mount_stack
	set_value k value
	expect_error "Operation not permitted" ln "$MNT/k" "$MNT/hard"
	expect_error "Operation not permitted" mkfifo "$MNT/fifo"
	expect_list "" k
}

run_tests
