#!/bin/bash
# A database that is read-only or locked: the layer waits within its deadline and is back when the trouble is
# over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/database.sh"

test_a_read_only_directory_and_file_are_served_or_down_and_left_alone() {
	mount_stack
	set_value k old
	unmount
	mkdir ro store
	mv db.sqlite store
	mount --bind store ro || skip "no bind mounts here"
	mount -o remount,ro,bind ro
	at_end 'umount "$TMP/ro"'
	local before
	before=$(find store -type f -exec sha256sum {} +)
	mount_stack_over ro/db.sqlite
	timeout 20 cat "$MNT/k" >got 2>/dev/null && expect "value" old "$(<got)"
	set_works k new && fail "a set was acknowledged that nothing keeps"
	timeout 20 ls "$MNT" >/dev/null
	expect files "$before" "$(find store -type f -exec sha256sum {} +)"
	mount -o remount,rw,bind ro
	wait_until 20 set_works k new
	expect_value k new
}

test_a_locked_database_makes_sets_wait_within_a_deadline_and_gets_go_on() {
	mount_stack
	set_value k old
	mkfifo commands
	sqlite3 db.sqlite <commands >answer &
	local locker=$! lock
	exec {lock}>commands
	echo "BEGIN EXCLUSIVE; UPDATE cache SET expires_at = expires_at; SELECT 'locked';" >&"$lock"
	wait_until 10 grep -q locked answer
	expect_value k old
	local start=$SECONDS
	expect_error "Input/output error" timeout 30 cp /etc/hostname "$MNT/k"
	((SECONDS - start < 20)) || fail "a set waited for $((SECONDS - start)) s"
	expect_value k old
	printf 'COMMIT;\n.quit\n' >&"$lock"
	exec {lock}>&-
	wait "$locker"
	wait_until 20 set_works k new
	expect_value k new
}

test_a_database_that_is_locked_at_the_start_is_down_until_the_lock_goes() {
	mount_stack
	set_value k old
	unmount
	mkfifo commands
	sqlite3 db.sqlite <commands >answer &
	local locker=$! lock
	exec {lock}>commands
	echo "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE cache SET expires_at = expires_at; SELECT 'locked';" >&"$lock"
	wait_until 10 grep -q locked answer
	start_daemon "$TMP/cachefs.json"
	expect_down
	timeout 20 ls "$MNT" >/dev/null
	expect_error "Input/output error" timeout 30 cp /etc/hostname "$MNT/k"
	printf 'ROLLBACK;\n.quit\n' >&"$lock"
	exec {lock}>&-
	wait "$locker"
	wait_until 20 grep -qx old "$MNT/k" 2>/dev/null
	wait_until 20 set_works k new
	expect_value k new
}

run_tests
