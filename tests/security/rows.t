#!/bin/bash
# Rows with what cannot be: a miss, a line in the log, and the next set or rm of that key mends it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/database.sh"

# expect_mended KEY: by a set, then by rm
expect_mended() {
	set_value "$1" new
	expect_value "$1" new
	rm "$MNT/$1"
	expect_absent "$1"
	expect "rows of $1" 0 "$(sql "SELECT count(*) FROM cache WHERE cache_key = '$1'")"
}

# damage KEY ASSIGNMENT: of the row of an entry that was set
damage() {
	set_value "$1" old
	sql "UPDATE cache SET $2 WHERE cache_key = '$1'"
}

expect_damage() {
	damage "$1" "$2"
	expect_miss "$1"
	expect "type of $1" "regular file" "$(stat -c %F "$MNT/$1" | sed 's/empty //')"
	expect "mode of $1" 600 "$(stat -c %a "$MNT/$1")"
	ls -l "$MNT" >/dev/null
	still_there "$2"
	grep -q "\"$1\": its .* treated as a miss" "$LOG" || fail "nothing is said of $1 with $2"
}

test_an_entry_of_another_type_is_a_miss_that_the_next_set_mends() {
	mount_disk
	local type
	for type in 16877 4516 24996 8612 49572 33188000000; do # directory, FIFO, block, character device, socket
		expect_damage "k$type" "cachefs_mode = $type"
		expect_mended "k$type"
	done
}

test_numbers_that_nothing_can_have_are_a_miss_that_the_next_set_mends() {
	mount_disk
	local i=0 what
	for what in size=-1 version=-7 hits=-1000 uid=-1 gid=99999999999 mtime_ns=1000000000 ctime_ns=-1 \
		mtime_s=9223372036854775807 ctime_s=-9223372036854775808 created_ms=9223372036854775807 \
		"xattrs=x'ffff'"; do
		expect_damage "k$((++i))" "cachefs_$what"
		expect_mended "k$i"
	done
}

test_rm_mends_without_a_set_before() {
	mount_disk
	damage k cachefs_size=-1
	expect_miss k
	rm "$MNT/k"
	expect "rows" 0 "$(sql "SELECT count(*) FROM cache")"
}

test_a_size_that_is_not_the_payloads_is_a_miss() {
	mount_disk
	local size
	for size in 2 4 1000000 9000000000000000000; do
		damage "k$size" "cachefs_size = $size"
		expect_miss "k$size"
		expect_mended "k$size"
	done
}

test_a_damaged_entry_can_be_moved_over_and_away() {
	mount_disk
	damage k cachefs_mode=16877
	set_value other good
	mv "$MNT/other" "$MNT/k"
	expect_value k good
	damage k cachefs_mode=16877
	mkdir "$MNT/d"
	damage d/k cachefs_size=-1
	mv "$MNT/d" "$MNT/e"
	expect_miss e/k
	rmdir "$MNT/e"
	expect "rows" 1 "$(sql "SELECT count(*) FROM cache")"
	still_there mv
}

test_a_directory_of_another_type_lets_nobody_in_until_it_is_mended() {
	mount_disk
	local type
	for type in 41471 33188 4516; do
		mkdir "$MNT/d$type"
		set_value "d$type/k" v
		sql "UPDATE cachefs_dirs SET mode = $type WHERE dir = 'd$type/'"
		expect "d$type" "directory 700" "$(stat -c '%F %a' "$MNT/d$type")"
		expect_value "d$type/k" v
		ls -lR "$MNT" >/dev/null
		still_there "$type"
		grep -q "damaged metadata of \"d$type\"" "$LOG" || fail "nothing is said of d$type"
		chmod 751 "$MNT/d$type"
		restart_daemon
		expect "d$type" "directory 751" "$(stat -c '%F %a' "$MNT/d$type")"
		rmdir "$MNT/d$type"
	done
	sql "INSERT INTO cachefs_dirs(dir, mode) VALUES('', 41471) ON CONFLICT(dir) DO UPDATE SET mode = 41471"
	restart_daemon
	set_value k v
	expect_list "" k
}

run_tests
