#!/bin/bash
# Whatever stands in any column of any table of a database, the daemon stays.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/database.sh"

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
