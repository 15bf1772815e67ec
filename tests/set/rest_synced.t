#!/bin/bash
# What the daemon keeps of synced temporary files follows them: a rename, a removal, the next sync.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_writing_syncing_and_renaming_is_one_set_and_leaves_nothing() {
	over "$DISK"
	local i
	for i in 1 2 3; do
		printf "value $i" | synced k.tmp
		expect "sets" "$((i - 1))" "$(sets)"
		mv "$MNT/k.tmp" "$MNT/k"
		expect "sets" "$i" "$(sets)"
		nothing_is_synced || fail "left: $(ls state/scratch)"
	done
	kill_daemon
	expect_list "" k
	expect_value k "value 3"
}

test_a_synced_file_that_is_removed_renamed_or_stored_does_not_come_back() {
	over "$DISK"
	mkdir "$MNT/d"
	for name in a.tmp b.tmp d/c.tmp e.tmp; do printf value | synced "$name"; done
	rm "$MNT/a.tmp"
	mv "$MNT/b.tmp" "$MNT/b.part"
	rmdir "$MNT/d"
	control "invalidate e.tmp"
	kill_daemon
	expect_list "" b.part
	expect_value b.part value
	printf value | synced k.tmp
	restart_daemon
	nothing_is_synced || fail "left: $(ls state/scratch)"
	rm "$MNT/k.tmp"
	kill_daemon
	expect_list "" b.part
}

has_synced() {
	grep -qF "$1" state/scratch/*
}

test_a_synced_file_moves_with_its_directory() {
	over "$DISK"
	mkdir -p "$MNT/d/e"
	printf value | synced d/e/k.tmp
	mv "$MNT/d" "$MNT/f"
	wait_until 30 has_synced f/e/k.tmp
	kill_daemon
	expect_value f/e/k.tmp value
	expect_list "" f
}

test_what_was_synced_last_is_what_a_crash_leaves() {
	over "$DISK"
	open_writer w k.part w,creat
	tell w write first
	tell w fsync
	tell w write second
	tell w fsync
	tell w truncate 8
	tell w fsync
	tell w truncate 12
	tell w pwrite 10 X
	tell w fsync
	tell w write unsynced
	kill_hand w KILL
	kill_daemon
	expect "content" 'firstsec\0\0X\0' "$(tr '\0' '@' <"$MNT/k.part" | sed 's/@/\\0/g')"
}

test_two_daemons_keep_to_their_own_synced_files() {
	over "$DISK"
	printf value | synced k.tmp
	mkdir other
	"$CACHEFS" -f cachefs.json other </dev/null >>"$LOG" 2>&1 &
	at_end "kill $!"
	at_end 'fusermount3 -u -z "$TMP/other"'
	wait_until 60 is_mounted "$TMP/other"
	[[ ! -e other/k.tmp ]] || fail "another daemon has taken it"
	kill_daemon
	expect_value k.tmp value
}

run_tests
