#!/bin/bash
# A database that is none, or of another program, is left alone; the mount comes up without its layer.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/database.sh"

# The mount works without the layer: misses, refused sets, listings; nothing hangs.
expect_mount_without_it() {
	expect_down
	timeout 20 cat "$MNT/k" 2>/dev/null && fail "a value out of nothing"
	timeout 20 ls "$MNT" >/dev/null
	set_works k new && fail "a set was acknowledged that nothing keeps"
	expect_miss k
}

# snapshot FILE: the bytes of a database and what is beside it
snapshot() {
	(cd "$TMP" && find db.sqlite* -type f -exec sha256sum {} + | sort)
}

# At unmount the root's time is stored: into the new database, as one that others have changed.
test_a_database_that_was_removed_is_made_anew_and_the_mount_ends_well() {
	mount_stack
	set_value k v
	expect_value k v
	rm db.sqlite*
	unmount
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_absent k
	set_value k again
	restart_daemon
	expect_value k again
}

test_a_database_whose_directory_was_removed_is_made_anew() {
	mount_stack_over dir/db.sqlite
	letters large x 2000000
	cp large "$MNT/large"
	rm -r dir
	wait_until 20 set_works k new
	cp large "$MNT/large"
	expect down false "$(layer_stat disk down)"
	restart_daemon
	expect_value k new
	cmp large "$MNT/large"
}

test_a_file_that_is_no_database_is_left_alone_and_replaced_by_a_good_one_works() {
	printf 'shopping list: eggs\n' >db.sqlite
	printf 'a log of something else\n' >db.sqlite-wal
	local before
	before=$(snapshot)
	mount_stack_over db.sqlite
	expect_mount_without_it
	expect files "$before" "$(snapshot)"
	rm db.sqlite-wal
	sqlite3 good "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL,
		expires_at REAL, updated_at REAL NOT NULL); INSERT INTO cache VALUES('k', 'hi', NULL, 1)"
	mv good db.sqlite
	wait_until 20 grep -qx hi "$MNT/k" 2>/dev/null
	wait_until 20 set_works k2 new
	expect_value k2 new
}

test_an_empty_file_becomes_a_database() {
	: >db.sqlite
	mount_stack_over db.sqlite
	set_value k v
	restart_daemon
	expect_value k v
}

test_somebody_elses_table_is_left_alone() {
	sqlite3 db.sqlite "CREATE TABLE cache(id INTEGER, what TEXT); INSERT INTO cache VALUES(1, 'x')"
	local before
	before=$(snapshot)
	mount_stack_over db.sqlite
	expect_mount_without_it
	grep -q 'belongs to something else' "$LOG"
	expect files "$before" "$(snapshot)"
}

test_a_truncated_database_is_left_alone() {
	mount_stack
	set_value k old
	random_file big 300000
	cp big "$MNT/b"
	unmount
	local at before
	for at in 50 100 4096 10000 100000; do
		cp db.sqlite whole
		truncate -s "$at" db.sqlite
		before=$(sha256sum db.sqlite)
		: >"$LOG"
		start_daemon "$TMP/cachefs.json"
		timeout 20 cat "$MNT/k" >got 2>/dev/null && expect "k at $at" old "$(<got)"
		timeout 20 cat "$MNT/b" >got 2>/dev/null && cmp got big
		set_works k new || true
		expect_down
		unmount
		expect "database cut at $at" "$before" "$(sha256sum db.sqlite)"
		mv whole db.sqlite
		rm -f db.sqlite-wal db.sqlite-shm
	done
	start_daemon "$TMP/cachefs.json"
	expect_value k old
}

run_tests
