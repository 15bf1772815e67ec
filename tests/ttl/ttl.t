#!/bin/bash
# A key expires after its TTL: how it is given, read, kept and lost.
. "$(dirname "$0")/../lib.sh"

test_a_key_expires_after_its_ttl() {
	mount_stack
	set_value k value
	set_ttl k 0.3
	expect_value k value
	wait_until 5 is_gone k
	expect_absent k
	restart_daemon
	expect_absent k
}

test_an_expired_key_is_gone_from_ls_stat_and_open_at_once() {
	mount_stack
	set_value k value
	ls -l "$MNT" >/dev/null
	set_ttl k 0.3
	ttl_passes 0.5
	expect_absent k
	expect_list "" ""
}

test_a_ttl_of_zero_expires_at_once() {
	mount_stack
	set_value k value
	set_ttl k 0
	expect_absent k
}

test_a_handle_opened_before_the_expiry_stays_readable() {
	mount_stack
	set_value k value
	set_ttl k 0.2
	open_reader r k
	wait_until 5 is_gone k
	expect_read r value
}

test_the_ttl_can_be_read_and_removed() {
	mount_stack
	set_value k value
	set_ttl k 0.5
	local ttl
	ttl=$(get_xattr k user.cachefs.ttl)
	awk -v t="$ttl" 'BEGIN { exit !(t > 0 && t <= 0.5) }' || fail "the TTL reads \"$ttl\""
	setfattr -x user.cachefs.ttl "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$MNT/k"
	ttl_passes 0.7
	expect_value k value
}

test_nonsense_is_no_ttl() {
	mount_stack
	set_value k value
	local text
	for text in "" soon -1 nan "1 s"; do
		expect_error "Invalid argument" setfattr -n user.cachefs.ttl -v "$text" "$MNT/k"
	done
	expect_value k value
}

test_a_set_without_a_ttl_starts_anew() {
	mount_stack
	set_value k old
	set_ttl k 0.4
	set_value k new
	ttl_passes 0.6
	expect_value k new
}

test_a_change_in_place_and_chmod_keep_what_remains() {
	mount_stack
	set_value k value
	set_ttl k 0.5
	printf more >>"$MNT/k"
	chmod 600 "$MNT/k"
	touch "$MNT/k"
	expect_value k valuemore
	ttl_passes 0.7
	expect_absent k
}

test_a_ttl_given_on_the_open_file_is_the_new_values() {
	mount_stack
	open_writer w k
	tell w write value
	tell w setxattr user.cachefs.ttl 0.4
	tell w close
	expect_value k value
	ttl_passes 0.6
	expect_absent k
}

test_rename_carries_the_ttl() {
	mount_stack
	set_value short value
	set_value long value
	set_ttl short 0.4
	mv "$MNT/short" "$MNT/moved"
	mv "$MNT/long" "$MNT/short"
	ttl_passes 0.6
	expect_absent moved
	expect_value short value
}

test_cp_carries_the_ttl() {
	mount_stack
	set_value k value
	set_ttl k 100
	cp -a "$MNT/k" "$MNT/copy"
	[[ $(get_xattr copy user.cachefs.ttl) ]] || fail "the copy has no TTL"
}

test_an_expiry_is_remembered_over_a_restart() {
	mount_stack
	set_value k value
	set_ttl k 0.8
	restart_daemon
	wait_until 5 is_gone k
	expect_absent k
}

run_tests
