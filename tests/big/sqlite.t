#!/bin/bash
# A 64 MiB SQLite database on the mount, with three writers at once. What it costs beside the local
# disk and tmpfs is measured in the same run, and stands in the log (build/log/.../big-sqlite-N.log).
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=300
WRITERS=3
TRANSACTIONS=${LONG:+200}
TRANSACTIONS=${TRANSACTIONS:-12}

# make_database FILE MODE: about 64 MiB
make_database() {
	sqlite3 "$1" >/dev/null "PRAGMA journal_mode=$2; PRAGMA page_size=4096;
		CREATE TABLE filler(id INTEGER PRIMARY KEY, bytes BLOB);
		CREATE TABLE done(writer INTEGER, number INTEGER);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15600)
		INSERT INTO filler SELECT i, randomblob(4000) FROM n;"
}

writer() {
	local i
	{
		echo ".timeout 120000"
		echo ".bail on"
		for ((i = 1; i <= TRANSACTIONS; i++)); do
			echo "BEGIN IMMEDIATE; INSERT INTO done VALUES($2, $i);
				UPDATE filler SET bytes = randomblob(4000) WHERE id = 1 + abs(random()) % 15600; COMMIT;"
		done
	} | sqlite3 "$1" 2>&1
}

# run_writers FILE: all at once; prints milliseconds
run_writers() {
	local start=${EPOCHREALTIME/./} i pids=()
	for ((i = 1; i <= WRITERS; i++)); do
		writer "$1" "$i" >"$TMP/writer-$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$TMP"/writer-* >&2; return 1; }
	done
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

expect_all_there() {
	expect "integrity" ok "$(sqlite3 "$1" 'PRAGMA integrity_check')"
	expect "rows" $((WRITERS * TRANSACTIONS)) "$(sqlite3 "$1" 'SELECT count(DISTINCT writer * 100000 + number) FROM done')"
}

check_mode() {
	local mount local_disk memory
	mount_stack
	make_database "$TMP/base.db" "$1"
	cp base.db "$MNT/test.db"
	cp base.db local.db
	sync
	local_disk=$(run_writers local.db)
	memory=-
	if mkdir tmpfs && mount -t tmpfs none tmpfs; then
		at_end 'umount "$TMP/tmpfs"'
		cp base.db tmpfs/test.db
		memory=$(run_writers tmpfs/test.db)
	fi
	mount=$(run_writers "$MNT/test.db")
	expect_all_there "$MNT/test.db"
	restart_daemon
	expect_all_there "$MNT/test.db"
	echo "sqlite: $1: $WRITERS writers of $TRANSACTIONS transactions in 64 MiB: $mount ms on the mount," \
		"$local_disk ms on the local disk, $memory ms on tmpfs" >>"$LOG"
}

test_three_writers_of_a_database_in_rollback_mode() {
	check_mode delete
}

test_three_writers_of_a_database_in_wal_mode() {
	check_mode wal
}

run_tests
