#!/bin/bash
# state_dir on a full disk: the entries of the journal are removed and drained. The layers are elsewhere.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

mount_journal() {
	mkdir files
	mount --bind files files
	at_end 'umount "$TMP/files"'
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "store/state", "drain_timeout": 1, "journal_wait": 0.2}}'
}

# A value of each kind of row, small and in a file, into the journal alone: the layer is closed.
fill_journal() {
	local i
	close_files
	for ((i = 0; i < 2000; i++)); do
		cp large "$MNT/fill$i" 2>/dev/null || break
	done
	((i > 3 && i < 2000)) || fail "$i sets before the journal was full"
}

# check_journal WHO: what is in the journal is removed and drained on a full disk, over kill -9 and SIGTERM.
check_journal() {
	random_file large 70000
	close_files
	mkdir "$MNT/d" "$MNT/e"
	set_names k 30 3000
	set_names d/k 30 3000
	set_names e/k 30 3000
	for i in {1..10}; do
		cp large "$MNT/large$i"
		cp large "$MNT/d/large$i"
	done
	case $1 in
	the_cache) fill_journal ;;
	*) filled_by "$1" ;;
	esac
	rm "$MNT/k1" "$MNT/large1"
	rmdir "$MNT/d"
	all_absent k1 large1 d d/k1 d/large1
	kill_daemon
	all_absent k1 large1 d d/k1 d/large1
	invalidate e
	rm "$MNT/k2" "$MNT/large2"
	restart_daemon
	all_absent k1 k2 large1 large2 d e e/k1
	open_files # and it drains
	wait_until 100 is_drained
	[[ -e files/k3.json && -e files/large10.json && ! -e files/k1.json && ! -e files/d_k1.json ]]
	expect "value files of the journal" 0 "$(find store/state/state.sqlite.values -type f | wc -l)"
	kill_daemon
	all_absent k1 k2 large1 large2 d e e/k1
	cmp large "$MNT/large10"
	free_disk
	wait_until 60 set_succeeds_again k1
	wait_until 100 is_drained
	expect integrity ok "$(state_says store/state 'PRAGMA integrity_check')"
}

test_the_journal_is_removed_from_and_drained_on_tmpfs_that_it_has_filled_itself() {
	tmpfs_disk 8
	mount_journal
	check_journal the_cache
}

test_the_journal_is_removed_from_and_drained_on_tmpfs_that_another_program_has_filled() {
	tmpfs_disk 8
	mount_journal
	check_journal another_program
}

test_the_journal_is_removed_from_and_drained_on_ext4_that_another_program_has_filled() {
	ext4_disk 64
	mount_journal
	check_journal another_program
}

test_the_journal_is_removed_from_and_drained_while_another_program_takes_what_becomes_free() {
	tmpfs_disk 8
	mount_journal
	check_journal a_taker
}

test_a_used_up_quota_is_a_full_disk_to_the_journal() {
	tmpfs_disk 8
	with_a_quota
	mount_journal
	check_journal another_program
}

# Its database and its log can be no longer than that.
test_the_journal_is_drained_within_a_limit_on_the_size_of_files() {
	tmpfs_disk 16
	ulimit -S -f 2048 # KiB
	mount_journal
	ulimit -S -f unlimited
	close_files
	random_file value 30000
	local i
	for ((i = 0; i < 400; i++)); do
		cp value "$MNT/k$i" 2>/dev/null || break
	done
	((i > 10 && i < 400)) || fail "$i sets of 30000 bytes in files of 2 MiB"
	rm "$MNT/k0"
	invalidate k1
	all_absent k0 k1
	open_files
	wait_until 100 is_drained
	cmp value "$MNT/k2"
	[[ ! -e files/k0.json && ! -e files/k1.json && -e files/k2.json ]]
	wait_until 60 set_succeeds_again k0
}

run_tests
