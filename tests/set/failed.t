#!/bin/bash
# A set that cannot be stored is reported by close() or fsync(), and leaves the old value.
. "$(dirname "$0")/../lib.sh"

test_a_value_that_no_layer_takes_fails_and_leaves_the_old_one() {
	mount_with '{"type": "memory", "options": {"max_bytes": 20000}}'
	set_value k old
	random_file big 50000
	expect_error "File too large" cp big "$MNT/k"
	expect_value k old
	expect_error "File too large" cp big "$MNT/new"
	expect_absent new
	set_value k2 works
	expect_value k2 works
}

test_fsync_reports_it_too() {
	mount_with '{"type": "memory", "options": {"max_bytes": 20000}}'
	set_value k old
	expect_error "File too large" dd if=/dev/zero of="$MNT/k" bs=50000 count=1 conv=fsync
	expect_value k old
}

test_an_append_that_makes_a_value_too_big_fails() {
	mount_with '{"type": "memory", "options": {"max_bytes": 20000}}'
	head -c 15000 /dev/zero >"$MNT/k"
	expect_error "File too large" dd if=/dev/zero of="$MNT/k" bs=15000 count=1 oflag=append conv=notrunc
	expect size 15000 "$(stat -c %s "$MNT/k")"
}

test_unpublished_content_has_a_bound() {
	mount_stack '"pending_max_bytes": 1000000'
	set_value k old
	expect_error "No space left on device" dd if=/dev/zero of="$MNT/k" bs=100000 count=20
	expect_value k old
	random_file fits 900000
	cp fits "$MNT/k"
	cmp fits "$MNT/k"
}

test_a_layer_that_cannot_take_a_value_drops_its_old_copy() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 20000}},
		{"type": "disk", "options": {"path": "db.sqlite"}}]}'
	set_value k old
	random_file big 50000
	cp big "$MNT/k"
	cmp big "$MNT/k"
	expect layers disk "$(get_xattr k user.cachefs.layers)"
}

test_a_read_only_database_refuses_sets() {
	mount_stack
	set_value k old
	unmount
	sqlite3 db.sqlite "PRAGMA journal_mode=DELETE" >/dev/null
	chattr +i db.sqlite 2>/dev/null || skip "no immutable files here"
	trap 'chattr -i "$TMP/db.sqlite"; tear_down' EXIT
	start_daemon "$TMP/cachefs.json"
	echo new >v
	if cp v "$MNT/k" 2>/dev/null; then
		fail "a set was acknowledged that nothing keeps"
	fi
	expect_error "Input/output error" python3 -ESc 'import os, sys; os.mknod(sys.argv[1])' "$MNT/empty"
}

run_tests
