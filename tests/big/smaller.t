#!/bin/bash
# The store becomes smaller when there is less in it, also a database of before.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/limit.sh"

test_the_store_becomes_smaller_when_its_entries_go() {
	mount_stack '' '"size_limit_mb": 64'
	head -c 600000 /dev/urandom >row
	mkdir "$MNT/d"
	set_each d/r 40 row
	set_value kept v
	(($(stored_bytes) > 20 << 20)) || fail "only $(stored_bytes) bytes for 24 MB"
	rm "$MNT"/d/r?
	control 'invalidate d/'
	wait_until 60 stores_less_than $((9 << 20)) # the log keeps its eighth
	expect_value kept v
	unmount
	stores_less_than 1000000 || fail "$(stored_bytes) bytes for one small value"
}

test_the_store_becomes_smaller_without_a_limit_too() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	head -c 600000 /dev/urandom >row
	mkdir "$MNT/d"
	set_each d/r 60 row
	rm -r "$MNT/d"
	wait_until 60 stores_less_than $((18 << 20))
}

# A database of before, all of it free pages, as a program makes it that knows nothing of us.
old_database() {
	sqlite3 db.sqlite >/dev/null "PRAGMA auto_vacuum=NONE; PRAGMA journal_mode=WAL;
		CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL, updated_at REAL NOT NULL);
		CREATE TABLE gone(bytes); INSERT INTO gone VALUES(zeroblob($1)); DROP TABLE gone;
		INSERT INTO cache VALUES('old', 'value', NULL, 1);"
}

test_an_old_database_that_cannot_become_smaller_keeps_to_the_limit() {
	old_database 17000000
	mount_stack '' '"size_limit_mb": 24'
	local watcher
	head -c 2000000 /dev/urandom >file
	watch_store &
	watcher=$!
	expect_value old value
	set_each f 20 file
	cmp file "$MNT/f19"
	touch stop
	wait "$watcher"
	expect_kept_to $((24 << 20))
}

test_vacuum_on_start_makes_an_old_database_one_that_becomes_smaller() {
	old_database 17000000
	mount_stack '' '"size_limit_mb": 24, "vacuum_on_start": true'
	expect_value old value
	stores_less_than 1000000 || fail "$(stored_bytes) bytes for one small value"
	expect auto_vacuum 2 "$(sqlite3 db.sqlite 'PRAGMA auto_vacuum')"
	restart_daemon
	expect_value old value
}

run_tests
