#!/bin/bash
# A full disk below SQLite: the least recently used entries go, and removals need no space.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

# set_in_a_row NAME COUNT: keys below NAME, one after the other; each succeeds, and the last is there.
set_in_a_row() {
	local i
	mkdir -p "from/$1"
	for ((i = 1; i <= $2; i++)); do
		ln -f new "from/$1/$i"
	done
	cp -r --no-preserve=links "from/$1" "$MNT"
	LAST=$1/$(ls -U "from/$1" | tail -n 1)
	cmp new "$MNT/$LAST"
}

# KEY is removed on the full disk, and does not come back.
check_removal() {
	rm "$MNT/$1"
	expect_miss "$1"
	kill_daemon
	fill_up
	expect_miss "$1"
	restart_daemon
	expect_miss "$1"
}

# What holds for every size: sets go on when the cache has filled the disk, and when another program
# has taken the rest; so do removals.
check_full() {
	letters old o "$1"
	letters new n "$1"
	cp old "$MNT/k"
	set_in_a_row a "$2"
	fill_up
	set_in_a_row b "$2"
	expect_miss k
	grep -qE 'is full: the least recently used entries go|min_free_mb' "$LOG" || fail "the log says nothing"
	(($(layer_stat disk evictions) > 0)) || fail "nothing was evicted"
	check_removal "$LAST"
	set_in_a_row c "$2"
	rmdir_all
	expect "names" "" "$(ls "$MNT")"
	set_in_a_row d 1
	space_again
	set_in_a_row e "$2"
	unmount
	start_daemon "$TMP/cachefs.json"
	cmp new "$MNT/$LAST"
	expect "integrity" ok "$(sqlite3 store/db.sqlite 'PRAGMA integrity_check')"
}

rmdir_all() {
	control "invalidate /"
}

test_values_in_rows_make_room_on_a_full_disk() {
	full_stack 16
	check_full 200000 90
}

test_small_values_make_room_on_a_full_disk() {
	full_stack 4
	check_full 3000 1000
}

test_values_in_files_make_room_on_a_full_disk() {
	full_stack 16
	check_full 2500000 10
}

test_values_in_rows_that_the_log_holds_once_make_room() {
	full_stack 64
	check_full 1000000 70
}

run_tests
