#!/bin/bash
# Small databases with their files on the mount.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

SQLITE_ROWS=300

mount_database() {
	mount_for_programs
	sqlite3 "$MNT/data.db" "PRAGMA journal_mode=$1; CREATE TABLE t(who TEXT, n INTEGER)" >/dev/null
}

# write_rows WHO: one transaction each, patient with the other writer
write_rows() {
	local i
	for ((i = 1; i <= SQLITE_ROWS / 10; i++)); do
		echo ".timeout 30000"
		echo "BEGIN IMMEDIATE;"
		seq -f "INSERT INTO t VALUES('$1', %g);" $((i * 10 - 9)) $((i * 10))
		echo "COMMIT;"
	done | sqlite3 "$MNT/data.db"
}

expect_all_rows() {
	expect integrity ok "$(sqlite3 "$MNT/data.db" 'PRAGMA integrity_check')"
	expect rows "a|$SQLITE_ROWS|$((SQLITE_ROWS * (SQLITE_ROWS + 1) / 2)) b|$SQLITE_ROWS|$((SQLITE_ROWS * (SQLITE_ROWS + 1) / 2))" \
		"$(sqlite3 "$MNT/data.db" 'SELECT who, count(*), sum(n) FROM t GROUP BY who' | paste -sd' ')"
}

two_writers() {
	mount_database "$1"
	write_rows a &
	local one=$!
	write_rows b
	wait "$one"
	expect_all_rows
	restart_daemon
	expect_all_rows
}

test_sqlite3_with_a_rollback_journal_and_two_writers() {
	two_writers delete
	is_gone data.db-journal
}

test_sqlite3_with_a_wal_and_two_writers() {
	two_writers wal
	expect mode wal "$(sqlite3 "$MNT/data.db" 'PRAGMA journal_mode')"
}

test_a_killed_sqlite3_leaves_the_last_commit() {
	mount_database delete
	sqlite3 "$MNT/data.db" "INSERT INTO t VALUES('kept', 1)"
	mkfifo commands
	sqlite3 "$MNT/data.db" <commands >answers 2>&1 &
	local pid=$!
	exec {commands}>commands
	echo "PRAGMA cache_spill=1; PRAGMA cache_size=5; BEGIN; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL
		SELECT n + 1 FROM c LIMIT 5000) INSERT INTO t SELECT 'lost', n FROM c; SELECT 'written';" >&"$commands"
	wait_until 20 grep -q written answers
	kill -9 "$pid"
	wait "$pid" || true
	exec {commands}>&-
	expect rows "kept|1" "$(sqlite3 "$MNT/data.db" 'SELECT * FROM t')"
	expect integrity ok "$(sqlite3 "$MNT/data.db" 'PRAGMA integrity_check')"
}

test_shelve_and_dbm_keep_what_they_were_given() {
	mount_stack
	python3 - "$MNT" <<-'PYTHON'
	import dbm.dumb, shelve, sys
	mnt = sys.argv[1]
	with shelve.open(mnt + "/shelf") as s:
	    for i in range(300):
	        s["key %d" % i] = {"i": i, "text": "x" * i}
	with dbm.dumb.open(mnt + "/dumb", "c") as d:
	    for i in range(100):
	        d["k%d" % i] = b"v%d" % i
	    del d["k7"]
	PYTHON
	restart_daemon
	python3 - "$MNT" <<-'PYTHON'
	import dbm.dumb, shelve, sys
	mnt = sys.argv[1]
	with shelve.open(mnt + "/shelf", "r") as s:
	    assert len(s) == 300 and all(s["key %d" % i] == {"i": i, "text": "x" * i} for i in range(300))
	with dbm.dumb.open(mnt + "/dumb", "r") as d:
	    assert len(d) == 99 and d["k9"] == b"v9" and b"k7" not in d
	PYTHON
}

run_tests
