#!/bin/bash
# A full disk below SQLite: a set fails only if its value cannot fit, and the old value stays.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

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

test_what_cannot_fit_empties_nothing() {
	full_stack 16 '"min_free_mb": 0'
	letters old o 200000
	letters new n 900000
	cp old "$MNT/k"
	cp old "$MNT/k2"
	fill_up
	expect_error "No space left on device" cp new "$MNT/k"
	expect_error "No space left on device" dd if=new of="$MNT/k" bs=900000 conv=notrunc,fsync status=none
	cmp old "$MNT/k"
	cmp old "$MNT/k2"
	space_again
	cp new "$MNT/k"
	cmp new "$MNT/k"
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
