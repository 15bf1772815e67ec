#!/bin/bash
# What temporary files leave behind, and how much room they have: crashes, large files, a bound.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

test_a_crash_leaves_no_litter_and_an_unmount_loses_nothing() {
	mount_stack
	set_value k x
	set_value k.tmp y
	head -c 3000000 /dev/zero >"$MNT/big.part"
	kill_daemon
	expect_list "" k
	expect "rows" k "$(rows)"
	expect "value files" "" "$(find db.sqlite.values -type f 2>/dev/null || true)"
	set_value k.tmp y
	random_file big.part 3000000
	cp big.part "$MNT/big.part"
	restart_daemon
	expect_list "" "big.part k k.tmp"
	expect "rows" "big.part k k.tmp" "$(rows)"
	expect_value k.tmp y
	cmp big.part "$MNT/big.part"
}

test_a_large_temporary_file_is_a_file_and_is_not_copied_by_its_rename() {
	mount_stack
	random_file whole 20000000
	cp whole "$MNT/k.part"
	cmp whole "$MNT/k.part"
	mv "$MNT/k.part" "$MNT/k"
	cmp whole "$MNT/k"
	expect "value files" 1 "$(find db.sqlite.values -type f | wc -l)"
}

test_temporary_files_that_are_open_are_bounded() {
	mount_stack '"pending_max_bytes": 100000'
	head -c 60000 /dev/zero >"$MNT/a.tmp"
	exec 4>>"$MNT/a.tmp"
	! head -c 60000 /dev/zero >"$MNT/b.tmp" 2>/dev/null || fail "no bound"
	exec 4>&-
	rm "$MNT/a.tmp" "$MNT/b.tmp"
	head -c 60000 /dev/zero >"$MNT/b.tmp"
	exec 4>>"$MNT/b.tmp"
	set_value k x
	head -c 90000 /dev/zero >whole
	! cp whole "$MNT/k" 2>/dev/null || fail "no bound for writers of keys"
	exec 4>&-
	rm "$MNT/b.tmp"
	cp whole "$MNT/k"
	mv "$MNT/k" "$MNT/k~"
	cmp whole "$MNT/k~"
}

run_tests
