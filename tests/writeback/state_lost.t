#!/bin/bash
# A state database that is damaged, full, or held by another program.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/state.sh"

test_a_damaged_state_database_is_moved_aside_and_the_mount_comes_up() {
	mount_two
	unmount
	head -c 5000 /dev/urandom >state/state.sqlite
	cp state/state.sqlite damaged
	mount_two
	cmp damaged state/state.sqlite.damaged-[0-9]*
	grep -q 'was damaged; it is kept as' "$LOG"
	set_value k v
	expect_value k v
}

test_when_it_is_lost_what_layers_missed_one_durable_layer_is_believed() {
	mount_two
	set_value k v
	unmount
	sqlite3 a.sqlite "UPDATE cache SET payload = 'missed'"
	head -c 5000 /dev/urandom >state/state.sqlite
	mount_two
	expect_value k v
	grep -q 'layer "a": what it missed is not known any more' "$LOG"
	wait_until 20 eval '[ "$(sqlite3 a.sqlite "SELECT count(*) FROM cache WHERE payload = '"'missed'"'")" = 0 ]'
	unmount
	mount_two
	expect "times it was said" 1 "$(grep -c 'not known any more' "$LOG")"
	expect_value k v
}

# write_back over a Redis that is not there; the state in $1
mount_owing() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "none.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "'"$1"'", "drain_timeout": 0.1}}'
}

# The daemon does not start, says so, and has not touched the database: expect_left_alone FILE
expect_left_alone() {
	local rc=0
	"$CACHEFS" -f cachefs.json "$MNT" >out 2>&1 || rc=$?
	expect status 1 "$rc"
	grep 'was left as it is' out
	expect "moved aside" "" "$(compgen -G "$1.damaged-*" || true)"
}

test_a_state_database_on_a_full_disk_is_opened() {
	small_disk 2
	mount_owing store/state
	set_value k owed
	unmount
	fill_up
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k owed
	kill_daemon
	expect_value k owed
	space_again
	restart_daemon
	expect_value k owed
}

test_a_state_database_that_another_program_holds_is_left_alone() {
	mount_owing state
	set_value k owed
	unmount
	coproc HOLDER { python3 -c '
import sqlite3, sys
db = sqlite3.connect("state/state.sqlite", isolation_level=None, timeout=20)
db.execute("PRAGMA locking_mode = EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()'; }
	read -r word <&"${HOLDER[0]}"
	expect holder held "$word"
	expect_left_alone state/state.sqlite
	grep locked out
	echo >&"${HOLDER[1]}"
	wait "$HOLDER_PID"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k owed
}

test_the_values_of_a_damaged_state_database_are_kept_with_it() {
	mount_owing state
	random_file large 200000
	cp large "$MNT/k"
	unmount
	head -c 5000 /dev/urandom >state/state.sqlite
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	cmp large state/state.sqlite.damaged-*.values/*
	expect "values of its own" "" "$(ls state/state.sqlite.values)"
	grep 'may be missing' "$LOG"
}

test_what_no_layer_would_keep_stays_in_the_journal_and_that_is_said() {
	mount_owing state
	set_value k owed
	unmount
	mount_with '{"type": "memory", "cachefs": {"state_dir": "state"}}'
	expect_absent k
	grep 'entries of an earlier run stay' "$LOG"
	unmount
	mount_owing state
	expect_value k owed
}

run_tests
