#!/bin/bash
# Large values go through the journal, which has a bound.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/drain.sh"

test_fsync_and_large_values_go_through_the_journal() {
	mount_write_back
	random_file large 5000000
	dd if=large of="$MNT/large" bs=1M conv=fsync status=none
	cmp large "$MNT/large"
	kill_daemon
	cmp large "$MNT/large"
	wait_until 20 is_drained
	cmp large "$MNT/large"
	expect files 0 "$(ls state/state.sqlite.values | wc -l)"
}

test_a_large_value_is_drained_without_copying_it() {
	mount_write_back
	lock_disk
	random_file large 5000000
	cp large "$MNT/large"
	local inode=$(stat -c %i state/state.sqlite.values/*)
	unlock_disk
	wait_until 20 is_drained
	expect inode "$inode" "$(stat -c %i db.sqlite.values/*)"
	expect links 1 "$(stat -c %h db.sqlite.values/*)"
	cmp large "$MNT/large"
}

test_a_full_journal_fails_sets_with_enospc_and_keeps_what_it_has() {
	mount_write_back '"journal_max_mb": 1, "journal_wait": 0.2'
	lock_disk
	head -c 600000 /dev/zero >"$MNT/a"
	dd if=/dev/zero of="$MNT/b" bs=600000 count=1 2>dd.log || true
	grep -q 'No space left' dd.log
	expect size 600000 "$(wc -c <"$MNT/a")"
	expect_absent b
	unlock_disk
	wait_until 20 is_drained
	head -c 600000 /dev/zero >"$MNT/b"
	expect size 600000 "$(wc -c <"$MNT/b")"
}

test_a_full_journal_does_not_hold_up_the_unmount() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "none.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 0.1, "journal_max_mb": 1, "journal_wait": 20}}'
	mkdir "$MNT"/d{1..6}
	for i in {1..6}; do set_value "d$i/k" v; done
	local i free
	for i in {1..4}; do
		free=$((1048576 - $(journal bytes)))
		((free < 1000)) || head -c $((free - 900)) /dev/zero >"$MNT/fill$i"
	done
	chmod 700 "$MNT/d1"
	unmount
}

run_tests
