#!/bin/bash
# Rows of a database that another program, or a bad disk, has filled with what cannot be: a miss, a line in the
# log, and the next set or rm of that key mends it. The daemon stays.
. "$(dirname "$0")/../lib.sh"

sql() {
	sqlite3 -cmd '.timeout 20000' db.sqlite "$@"
}

mount_disk() {
	mount_with '{"layers": [{"type": "disk", "revalidate_ms": 0, "options": {"path": "db.sqlite"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
}

still_there() {
	kill -0 "$DAEMON_PID" || fail "the daemon ended after $1: $(tail -n 3 "$LOG")"
}

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

# Whatever stands anywhere: the right value or a miss, and a set and rm that work.
test_no_value_in_any_column_stops_anything() {
	mount_disk
	local table column value key i=0
	for column in $(sql "SELECT name FROM pragma_table_info('cache') WHERE name NOT IN ('cache_key', 'payload')"); do
		for value in -1 1e300 -1e300 9223372036854775807 -9223372036854775808 "'text'" "x'00ff'" NULL; do
			echo "$column $value"
		done
	done >columns
	while read -r column value; do
		echo "old" >"$MNT/k$((++i))"
		echo "UPDATE OR IGNORE cache SET $column = $value WHERE cache_key = 'k$i';"
	done <columns >script
	sql <script 2>errors || true
	for ((key = 1; key <= i; key++)); do
		value=$(cat "$MNT/k$key" 2>error) || grep -q "No such file" error || fail "$(sed -n "${key}p" columns): $(<error)"
		[[ $value = old || ! $value ]] || fail "$(sed -n "${key}p" columns): \"$value\""
	done
	ls -l "$MNT" >/dev/null
	getfattr -dm- "$MNT"/k* >/dev/null 2>&1 || true
	still_there reads
	for ((key = 1; key <= i; key++)); do
		echo new >"$MNT/k$key" || fail "a set over $(sed -n "${key}p" columns)"
		[[ $(<"$MNT/k$key") = new ]] || fail "what was set over $(sed -n "${key}p" columns)"
	done
	rm "$MNT"/k*
	expect "entries" 0 "$(sql "SELECT count(*) FROM cache")"
	still_there sets
}

test_no_value_in_any_other_table_stops_anything() {
	mount_disk
	local table column value i=0
	for table in cachefs_dirs cachefs_use cachefs_settings cachefs_log; do
		for column in $(sql "SELECT name FROM pragma_table_info('$table') WHERE name NOT IN ('dir', 'name')"); do
			for value in -1 1e300 9223372036854775807 -9223372036854775808 "'text'" "x'00ff'" NULL; do
				echo "UPDATE OR IGNORE $table SET $column = $value;"
			done
		done
	done >script
	while read -r column; do
		mkdir -p "$MNT/d$((++i))"
		echo "v$i" >"$MNT/d$i/k"
		sql "$column" 2>/dev/null || true
		value=$(cat "$MNT/d$i/k" 2>error) || grep -q "No such file" error || fail "$column: $(<error)"
		[[ $value = "v$i" || ! $value ]] || fail "$column: \"$value\""
		ls -lR "$MNT/d$i" >/dev/null
		rmdir "$MNT/d$i"
		still_there "$column"
	done <script
	for value in "''" "'/'" "'//'" "'a'" "'a//'" "x'00'" "x'612f'" "x'ff'" "replace(hex(zeroblob(3000)), '0', 'a')"; do
		sql "INSERT OR REPLACE INTO cachefs_dirs(dir, mode) VALUES($value, 16877)"
		sql "INSERT OR REPLACE INTO cache(cache_key, payload, updated_at) VALUES($value, 'x', 1)"
	done
	ls -lR "$MNT" >/dev/null 2>&1 || true
	rm -rf "$MNT"/* 2>/dev/null || true
	restart_daemon
	set_value k v
	expect_value k v
	still_there names
}

run_tests
