#!/bin/bash
# A database is locked by another program: only who needs it waits.
. "$(dirname "$0")/../lib.sh"

# lock_database FILE STATEMENTS: held by a sqlite3 process until unlock_database
lock_database() {
	mkfifo sql
	sqlite3 "$1" <sql >locked 2>&1 &
	SQLITE_PID=$!
	exec {SQL}>sql
	printf '%s\nSELECT "it is " || "mine";\n' "$2" >&"$SQL"
	wait_until 10 grep -q . locked
	expect "the lock" "it is mine" "$(grep -v exclusive locked)"
}

unlock_database() {
	# .quit, for the daemon may have been started with the other end of the pipe open.
	printf 'COMMIT;\n.quit\n' >&"$SQL"
	exec {SQL}>&-
	wait "$SQLITE_PID"
}

# expect_fast KEY VALUE: a hundred gets in two seconds
expect_fast() {
	local i us start=${EPOCHREALTIME/./}
	for ((i = 0; i < 100; i++)); do
		[[ $(<"$MNT/$1") = "$2" ]] || fail "get of $1"
	done
	us=$((${EPOCHREALTIME/./} - start))
	((us < 2000000)) || fail "100 gets of $1 took $us us while another call waited"
}

test_one_slow_get_does_not_delay_the_others() {
	mount_with '{"layers": [{"type": "memory"},
		{"type": "disk", "name": "near", "options": {"path": "near.sqlite"}},
		{"type": "disk", "name": "far", "options": {"path": "far.sqlite"}}]}'
	set_value slow x
	unmount
	sqlite3 near.sqlite "DELETE FROM cache WHERE cache_key = 'slow'"
	lock_database far.sqlite 'PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;'
	start_daemon "$TMP/cachefs.json"
	set_value fast "in memory"
	cat "$MNT/slow" >got 2>&1 &
	local reader=$!
	expect_fast fast "in memory"
	unlock_database
	wait "$reader" || true
	wait_until 20 grep -q x "$MNT/slow"
}

test_a_set_that_waits_for_a_long_writer_delays_no_get() {
	mount_stack
	set_value fast "in memory"
	set_value k old
	lock_database db.sqlite 'BEGIN IMMEDIATE;'
	(set_value k new) 2>/dev/null &
	local writer=$! rc=0
	expect_fast fast "in memory"
	unlock_database
	wait "$writer" || rc=$?
	if [[ $rc = 0 ]]; then
		expect_value k new
	else
		expect_value k old
	fi
}

test_gets_from_disk_pass_a_long_writer() {
	mount_stack
	set_value k value
	restart_daemon
	lock_database db.sqlite 'BEGIN IMMEDIATE;'
	expect_fast k value
	unlock_database
}

run_tests
