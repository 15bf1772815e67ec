#!/bin/bash
# A full disk: what cannot be stored is refused, by write(), close() or fsync(); the old value stays,
# the daemon lives, and once there is space again sets work.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=120

# full_stack MIB OPTIONS: the store on a file system of that size
full_stack() {
	small_disk "$1"
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"'"${2:+, $2}"'},
		"cachefs": {'"${3:-}"'}}'
}

# What holds for every size: refused when full, the old value there, and fine again afterwards.
check_full() {
	letters old o "$1"
	letters new n "$1"
	cp old "$MNT/k"
	fill_up
	expect_refused_when_full 40
	cat new >"$MNT/k2" 2>/dev/null || true
	space_again
	wait_until 20 set_succeeds new k
	cmp new "$MNT/k"
	cp new "$MNT/k2"
	cmp new "$MNT/k2"
	unmount
	start_daemon "$TMP/cachefs.json"
	cmp new "$MNT/k"
	expect "integrity" ok "$(sqlite3 store/db.sqlite 'PRAGMA integrity_check')"
}

test_a_full_disk_refuses_values_in_rows() {
	full_stack 16
	check_full 200000
}

test_a_full_disk_refuses_small_values_of_a_page() {
	full_stack 4
	check_full 3000
}

test_a_full_disk_refuses_values_in_files() {
	full_stack 16
	check_full 2500000
}

test_a_full_disk_fails_write_and_the_old_value_stays() {
	full_stack 16
	letters old o 3000000
	letters new n 6000000
	cp old "$MNT/k"
	expect_error "error writing '$MNT/k': No space left on device" \
		dd if=/dev/zero of="$MNT/k" bs=1M count=40 status=none
	cmp old "$MNT/k"
	cp new "$MNT/k"
	cmp new "$MNT/k"
	expect "files of values" 1 "$(find store/db.sqlite.values -type f | wc -l)"
}

test_fsync_says_it_too() {
	full_stack 16
	letters old o 200000
	cp old "$MNT/k"
	fill_up
	local i
	for i in {1..40}; do
		set_succeeds old "other$i" || true
	done
	expect_error "No space left on device" dd if=old of="$MNT/k" bs=200000 conv=notrunc,fsync status=none
	cmp old "$MNT/k"
	space_again
	wait_until 20 set_succeeds old k3
}

test_a_full_directory_of_working_copies_fails_write() {
	small_disk 8
	export TMPDIR=$TMP/store
	mount_with '{"type": "memory"}'
	letters old o 3000000
	cp old "$MNT/k"
	expect_error "No space left on device" dd if=/dev/zero of="$MNT/k" bs=1M count=20 status=none
	cmp old "$MNT/k"
	cp old "$MNT/k2"
	cmp old "$MNT/k2"
	cmp old "$MNT/k"
}

run_tests
