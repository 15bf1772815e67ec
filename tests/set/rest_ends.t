#!/bin/bash
# A TTL, invalidate and rmdir end temporary files, also those that have become entries.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_a_ttl_ends_a_temporary_file() {
	over "$DISK"
	mkdir "$MNT/d"
	set_ttl d 1
	set_value d/k.tmp x
	set_value d/own.tmp x
	set_ttl d/own.tmp 600
	: >"$MNT/d/x.lock"
	set_value k.tmp x
	set_ttl k.tmp 1
	expect_value k.tmp x
	ttl_passes 1.2
	expect_absent k.tmp
	expect_absent d/k.tmp
	expect_absent d/x.lock
	expect_value d/own.tmp x
	wait_until 30 scratch_files_are 1
	restart_daemon
	expect_list d own.tmp
}

test_a_ttl_counts_on_when_it_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp x
	set_ttl k.tmp 600
	wait_until 30 scratch_files_are 0
	local ttl
	ttl=$(get_xattr k.tmp user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} < 600)) || fail "ttl $ttl"
}

test_a_ttl_ends_a_stored_lock_in_all_layers() {
	over "$DISK" "$AT_ONCE"
	echo x >"$MNT/x.lock"
	wait_until 30 is_in disk x.lock
	set_ttl x.lock 0.1
	wait_until 30 is_gone x.lock
	wait_until 30 is_not_in disk x.lock
}

test_a_file_is_not_ended_while_it_is_written() {
	over "$DISK"
	open_writer w k.tmp
	set_ttl k.tmp 0.1
	ttl_passes 0.3
	tell w write content
	expect_value k.tmp content
	tell w close
	expect_absent k.tmp
}

test_invalidate_and_rmdir_remove_temporary_files() {
	over "$DISK"
	mkdir -p "$MNT/d/e" "$MNT/f"
	set_value k.tmp x
	set_value d/e/k.tmp x
	set_value d/k x
	set_value f/k.tmp x
	: >"$MNT/x.lock"
	control "invalidate d"
	expect_list "" "f k.tmp x.lock"
	rmdir "$MNT/f"
	control "invalidate /"
	expect_list "" ""
	scratch_files_are 0 || fail "some are left"
	set_value k.tmp x
	control "invalidate /"
	expect_list "" ""
	expect_error "No such file" control "invalidate /"
	restart_daemon
	expect_list "" ""
}

run_tests
