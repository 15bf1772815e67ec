#!/bin/bash
# An end in the past waits for those who have the file open.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

# ended_while_open COMMAND...: it gives k an end in the past while the hand h has k open
ended_while_open() {
	"$@"
	expect "the end that was given" 1000.000 "$(get_xattr k user.cachefs.expires_at)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
	touch -d 2001-01-01 "$MNT/k"
	chmod 600 "$MNT/k"
	expect_value k value
	tell h close
	wait_until 20 is_gone k
	expect_absent k
}

test_an_end_in_the_past_waits_while_somebody_has_the_file_open() {
	local flags
	mount_stack
	for flags in r rw w,append; do
		set_value k value
		tell h open k "$flags"
		ended_while_open tell h setxattr user.cachefs.expires_at 1000
		set_value k value
		tell h open k "$flags"
		ended_while_open setfattr -n user.cachefs.expires_at -v 1000 "$MNT/k"
	done
	restart_daemon
	expect_absent k
}

test_an_end_that_waits_can_be_taken_back() {
	mount_stack
	set_value k value
	open_reader h k
	tell h setxattr user.cachefs.expires_at 1000
	setfattr -x user.cachefs.expires_at "$MNT/k"
	tell h close
	set_value other value
	open_reader h other
	tell h setxattr user.cachefs.expires_at 1000
	set_ttl other 5000
	tell h close
	restart_daemon
	expect_value k value
	expect_value other value
	expect_near "the later wish" 5000 "$(get_xattr other user.cachefs.expires_at)"
}

test_an_end_that_waits_ends_no_later_set() {
	mount_stack
	set_value k value
	open_reader h k
	tell h setxattr user.cachefs.expires_at 1000
	echo new >"$MNT/k"
	tell h close
	restart_daemon
	expect_value k new
}

test_an_end_of_a_set_that_is_broken_off_is_not_the_old_values() {
	mount_stack
	set_value k value
	open_writer w k
	tell w write half
	tell w setxattr user.cachefs.expires_at 1000
	kill_hand w KILL
	expect_value k value
	restart_daemon
	expect_value k value
}

run_tests
