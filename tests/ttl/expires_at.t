#!/bin/bash
# The attribute expires_at is the moment of the own end: it can be set, and copies carry it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

test_expires_at_can_be_set() {
	local at=$(($(date +%s) + 1000))
	mount_stack
	set_value k value
	setfattr -n user.cachefs.expires_at -v "$at.250" "$MNT/k"
	expect expires_at "$at.250" "$(get_xattr k user.cachefs.expires_at)"
	restart_daemon
	expect expires_at "$at.250" "$(get_xattr k user.cachefs.expires_at)"
	setfattr -x user.cachefs.expires_at "$MNT/k"
	expect expires_at "" "$(get_xattr k user.cachefs.expires_at)"
	local text
	for text in "" soon nan inf "1 s" 1e30; do
		expect_error "Invalid argument" setfattr -n user.cachefs.expires_at -v "$text" "$MNT/k"
	done
}

test_an_expires_at_in_the_past_makes_a_miss_and_no_error() {
	mount_stack
	set_value k value
	setfattr -n user.cachefs.expires_at -v 1000 "$MNT/k"
	expect_absent k
	open_writer w open
	tell w write value
	tell w setxattr user.cachefs.expires_at 1000
	tell w write more
	tell w close
	expect_absent open
	restart_daemon
	expect_absent k
	expect_absent open
}

copies_carry_the_moment() {
	local at
	set_value k value
	set_ttl k 5000
	at=$(get_xattr k user.cachefs.expires_at)
	cp -a "$MNT/k" "$MNT/copy"
	expect "of cp -a" "$at" "$(get_xattr copy user.cachefs.expires_at)"
	rsync -X "$MNT/k" "$MNT/synced"
	expect "of rsync -X" "$at" "$(get_xattr synced user.cachefs.expires_at)"
	tar -C "$MNT" --xattrs -cf archive.tar k
	rm "$MNT/k"
	tar -C "$MNT" --xattrs -xf archive.tar
	expect "of tar --xattrs" "$at" "$(get_xattr k user.cachefs.expires_at)"
	expect_value k value
}

test_copies_carry_the_moment() {
	for_each_stack copies_carry_the_moment
}

# A directory on a disk that keeps the attribute stands for an archive of long ago.
test_an_archive_that_is_restored_later_revives_nothing() {
	mkdir old
	echo value >old/k
	: >old/empty
	setfattr -n user.cachefs.expires_at -v 1000 old/k old/empty 2>/dev/null || skip "no attributes here"
	mount_stack
	cp -a old/. "$MNT"
	expect "after cp -a" "" "$(ls "$MNT")"
	rsync -aX old/ "$MNT"
	expect "after rsync -aX" "" "$(ls "$MNT")"
	tar -C old --xattrs -cf old.tar k empty
	tar -C "$MNT" --xattrs -xf old.tar
	expect "after tar" "" "$(ls "$MNT")"
}

run_tests
