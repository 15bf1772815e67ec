#!/bin/bash
# A database whose schema another program has written: what it runs in our statements has an end, and what belongs
# to another application is left alone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/database.sh"

ENDLESS='(WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c)'

endless_trigger() {
	sql "CREATE TRIGGER spin AFTER INSERT ON cache WHEN new.cache_key LIKE 'spin%' BEGIN
		UPDATE cache SET expires_at = $ENDLESS WHERE rowid = new.rowid; END"
}

drop_trigger() {
	sql "DROP TRIGGER spin"
}

can_set() {
	timeout 60 cp value "$MNT/$1" 2>/dev/null
}

test_a_trigger_that_never_ends_costs_a_set_and_not_the_mount() {
	mount_disk
	printf value >value
	set_value k old
	endless_trigger
	expect_error "Input/output error" timeout -s KILL 60 cp value "$MNT/spin"
	grep -q 'was cut off .* spin may not end: drop it' "$LOG"
	expect_value k old
	drop_trigger
	wait_until 60 can_set spin
	expect_value spin value
	expect_value k old
}

test_a_trigger_that_never_ends_does_not_hold_the_end_up() {
	mount_disk
	printf value >value
	set_value k old
	endless_trigger
	cp value "$MNT/spin" 2>/dev/null &
	local writer=$!
	wait_until 20 waits_for_the_daemon "$writer"
	kill "$DAEMON_PID"
	await_daemon
	wait "$writer" || true
	expect "the old value" old "$(sql "SELECT payload FROM cache WHERE cache_key = 'k'")"
	expect "the set" "" "$(sql "SELECT payload FROM cache WHERE cache_key = 'spin'")"
}

# refused TEXT: and not a byte is written
refused() {
	cp db.sqlite before
	mount_disk
	grep -q "layer \"disk\" down (.*$1.*give another path" "$LOG" || fail "not \"$1\", but: $(<"$LOG")"
	expect_error "Input/output" cp before "$MNT/k"
	unmount
	cmp before db.sqlite
	rm -rf db.sqlite*
}

test_the_database_of_another_application_is_refused() {
	sql "CREATE TABLE invoices(id INTEGER PRIMARY KEY, amount REAL); INSERT INTO invoices VALUES(1, 2.5)"
	refused 'the database of another application, with a table "invoices"'
	sql "PRAGMA application_id = 1196444487; PRAGMA user_version = 1; VACUUM"
	refused 'the database of another application'
	sql "CREATE VIEW cache AS WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c)
		SELECT x AS cache_key, x AS payload, x AS expires_at, x AS updated_at FROM c"
	refused 'a view or a virtual table'
	sql "CREATE TABLE cache(cache_key TEXT PRIMARY KEY COLLATE NOCASE, payload TEXT NOT NULL, expires_at REAL,
		updated_at REAL NOT NULL)"
	refused 'takes different keys for one'
}

test_ours_says_whose_it_is_and_the_packages_is_taken() {
	mount_disk
	set_value k v
	unmount
	expect "application_id" 1667327603 "$(sql 'PRAGMA application_id')"
	rm -f db.sqlite
	sql "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,
		updated_at REAL NOT NULL); CREATE TABLE notes(x); INSERT INTO cache VALUES('k', '{}', NULL, 1)"
	mount_disk
	expect_value k '{}'
}

# A function that reaches beyond the database is none that a schema may call.
test_a_schema_is_not_trusted() {
	mount_disk
	set_value k v
	sql "CREATE TRIGGER load AFTER INSERT ON cache BEGIN SELECT load_extension('/nowhere.so'); END" || true
	timeout 60 cp /etc/passwd "$MNT/other" 2>/dev/null || true
	expect_value k v
	kill -0 "$DAEMON_PID"
}

run_tests
