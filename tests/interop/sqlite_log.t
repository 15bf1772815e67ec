#!/bin/bash
# The log of changes in a database: it tells memory which of its entries another program has changed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/sqlite.sh"

test_only_what_was_changed_leaves_memory() {
	mount_stack
	hold a 1
	hold b 2
	set_ttl b 1000
	cat "$MNT/a" "$MNT/b" >/dev/null
	package set c '3'
	expect_value c 3
	expect_layers a memory,disk
	expect_layers b memory,disk
	package set a '4'
	expect_layers a disk
	expect_layers b memory,disk
}

test_hits_are_no_changes() {
	mount_stack
	hold k 1
	package get k
	local before
	before=$(sqlite3 db.sqlite "SELECT max(seq) FROM cachefs_log")
	local i
	for i in 1 2 3 4 5; do
		cat "$MNT/k" >/dev/null
	done
	wait_until 20 hits_are_written k 6
	expect "the log" "$before" "$(sqlite3 db.sqlite "SELECT max(seq) FROM cachefs_log")"
}

hits_are_written() {
	[[ $(sqlite3 db.sqlite "SELECT hits >= $2 FROM cachefs_use WHERE id = (SELECT rowid FROM cache WHERE cache_key = '$1')") = 1 ]]
}

test_more_changes_than_the_log_holds_are_seen_all_the_same() {
	mount_stack
	mkdir "$MNT/m"
	hold m/7 old
	hold m/2999 old
	hold other 1
	package many m/ 3000
	expect_value m/7 '{"n": 7}'
	expect_value m/2999 '{"n": 2999}'
	expect_value other 1
	(($(sqlite3 db.sqlite "SELECT count(*) FROM cachefs_log") <= 1152)) || fail "the log is not bounded"
	hold m/8 old
	package set m/8 '{"n": 9}'
	expect_value m/8 '{"n": 9}'
	package invalidate-prefix m/
	expect_absent m/8
}

test_keys_that_are_too_long_for_the_log_are_seen() {
	mount_stack
	local long
	long=$(printf 'k%.0s' {1..200})
	mkdir "$MNT/$long"
	hold "$long/$long" old
	package set "$long/$long" '"new"'
	expect_value "$long/$long" '"new"'
}

test_a_table_made_anew_by_the_package_is_taken_up() {
	mount_stack
	hold k '"old"'
	hold gone 1
	package recreate
	package set k '"new"'
	wait_until 20 value_is k '"new"' # a miss until the table is ours again
	expect_miss gone
	wait_until 20 triggers_are_back
	hold k '"mine"'
	package set k '"newer"'
	expect_value k '"newer"'
}

value_is() {
	local got
	got=$(cat "$MNT/$1" 2>/dev/null) || return 1
	expect "$1, if it is there" "$2" "$got"
}

triggers_are_back() {
	[[ $(sqlite3 db.sqlite "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'cache'") -ge 9 ]]
}

test_an_old_database_gets_its_log() {
	package set k '"theirs"'
	mount_stack
	expect_value k '"theirs"'
	package set k '"newer"'
	expect_value k '"newer"'
	restart_daemon
	expect_value k '"newer"'
	package set k '"newest"'
	expect_value k '"newest"'
}

run_tests
