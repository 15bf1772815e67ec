#!/bin/bash
# A rename to a temporary name while another program locks the database.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

# Another program's transaction, for longer than the layer waits.
while_the_database_is_locked() {
	python3 -ES - "$@" <<-'END'
		import sqlite3, subprocess, sys
		locker = sqlite3.connect("db.sqlite", isolation_level=None)
		locker.execute("BEGIN IMMEDIATE")
		sys.exit(subprocess.run(sys.argv[1:]).returncode)
	END
}

test_an_entry_that_cannot_leave_the_layers_keeps_its_name() {
	mount_stack
	set_value k value
	set_value k.tmp old
	expect_error "mv" while_the_database_is_locked mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" "k k.tmp"
	expect_value k value
	expect_value k.tmp old
	expect "layers" memory,disk "$(get_xattr k user.cachefs.layers)"
	mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" k.tmp
	expect_value k.tmp value
	expect_absent k
}

test_a_writer_of_an_entry_that_cannot_leave_goes_on() {
	mount_stack
	set_value k value
	open_writer w k rw
	tell w pwrite 0 VAL
	expect_error "mv" while_the_database_is_locked mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" k
	tell w pwrite 3 UE
	tell w close
	expect_value k VALUE
	restart_daemon
	expect_value k VALUE
}

waits_are() {
	[[ $(stat_of .waits.waiting) = "$1" ]]
}

# The close takes the entry that has the name out of the layers, which waits for the database; the rename
# waits for the close.
test_a_rename_that_waits_for_such_a_close_moves_the_file_that_it_made() {
	local mv locker
	mount_stack
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, updated_at) VALUES('k.tmp', 'old', 1)"
	expect_value k.tmp old
	open_writer w k.tmp w,trunc
	tell w write new
	coproc LOCKER { sqlite3 db.sqlite; }
	locker=$LOCKER_PID
	printf '.timeout 60000\nBEGIN IMMEDIATE; SELECT 1;\n' >&"${LOCKER[1]}"
	read -r -t 60 <&"${LOCKER[0]}"
	begin_hand w close
	wait_until 20 waits_are 1
	mv "$MNT/k.tmp" "$MNT/k.part" &
	mv=$!
	wait_until 20 waits_are 2
	printf 'ROLLBACK;\n.quit\n' >&"${LOCKER[1]}"
	wait "$locker" || true
	wait "$mv"
	expect_list "" k.part
	expect_value k.part new
	expect "rows" "" "$(rows)"
}

run_tests
