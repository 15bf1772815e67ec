#!/bin/bash
# A full disk below SQLite: the least recently used entries go, and a set fails only if its value
# cannot fit; a removal needs no space, also after a restart; the daemon lives.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=120

# full_stack MIB OPTIONS: the store on a file system of that size
full_stack() {
	small_disk "$1"
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"'"${2:+, $2}"'},
		"cachefs": {'"${3:-}"'}}'
}

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

test_a_full_disk_fails_write_and_the_old_value_stays() {
	full_stack 16
	letters old o 3000000
	letters new n 6000000
	cp old "$MNT/k"
	expect_error "error writing '$MNT/k': No space left on device" \
		dd if=/dev/zero of="$MNT/k" bs=1M count=40 status=none
	cmp old "$MNT/k"
	cp new "$MNT/k"
	cmp new "$MNT/k"
	expect "files of values" 1 "$(find store/db.sqlite.values -type f | wc -l)"
}

test_what_cannot_fit_empties_nothing() {
	full_stack 16 '"min_free_mb": 0'
	letters old o 200000
	letters new n 900000
	cp old "$MNT/k"
	cp old "$MNT/k2"
	fill_up
	expect_error "No space left on device" cp new "$MNT/k"
	expect_error "No space left on device" dd if=new of="$MNT/k" bs=900000 conv=notrunc,fsync status=none
	cmp old "$MNT/k"
	cmp old "$MNT/k2"
	space_again
	cp new "$MNT/k"
	cmp new "$MNT/k"
}

test_a_full_directory_of_working_copies_fails_write() {
	small_disk 8
	export TMPDIR=$TMP/store
	mount_with '{"type": "memory"}'
	letters old o 3000000
	cp old "$MNT/k"
	expect_error "No space left on device" dd if=/dev/zero of="$MNT/k" bs=1M count=20 status=none
	cmp old "$MNT/k"
	cp old "$MNT/k2"
	cmp old "$MNT/k2"
	cmp old "$MNT/k"
}

run_tests
