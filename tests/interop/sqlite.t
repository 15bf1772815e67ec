#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# The Python package's shapes and the mount, memory over SQLite, on one database at once.

# package COMMAND...: by a process that has the database open all the time, as an application has
package() {
	if [[ ! ${PACKAGE_IN:-} ]]; then
		mkfifo .package.in .package.out
		python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite - <.package.in >.package.out 2>.package.err &
		exec {PACKAGE_IN}>.package.in {PACKAGE_OUT}<.package.out
	fi
	printf '%q ' "$@" >&"$PACKAGE_IN"
	echo >&"$PACKAGE_IN"
	read -r -t 30 PACKAGE_ANSWER <&"$PACKAGE_OUT" || fail "package $*: $(tail -n 1 .package.err)"
}

package_holds() {
	package get "$1"
	expect "the package's get of $1" "$2" "$PACKAGE_ANSWER"
}

# Set here, so that memory has it.
hold() {
	set_value "$1" "$2"
	expect_value "$1" "$2"
	expect "layers of $1" memory,disk "$(get_xattr "$1" user.cachefs.layers)"
}

expect_layers() {
	expect "layers of $1" "$2" "$(get_xattr "$1" user.cachefs.layers)"
}

test_each_side_gets_what_the_other_set() {
	mount_stack
	package set answers/a '{"text": "hi"}'
	expect_value answers/a '{"text": "hi"}'
	expect_list answers a
	printf '{"text": "42"}' >"$MNT/answers/b"
	package_holds answers/b '{"text": "42"}'
	package set answers/b '{"text": "43"}'
	expect_value answers/b '{"text": "43"}'
	set_value answers/a '"mine"'
	package_holds answers/a '"mine"'
}

test_a_foreign_set_is_seen_by_the_next_open_although_memory_has_the_old_value() {
	mount_stack
	local way i
	for way in set replace; do
		for i in 1 2 3; do
			hold k "\"old $way $i\""
			package $way k "\"new $way $i\""
			expect_value k "\"new $way $i\""
			expect_value k "\"new $way $i\""
			wait_until 10 layers_are k memory,disk
		done
	done
}

layers_are() {
	[[ $(get_xattr "$1" user.cachefs.layers) = "$2" ]]
}

test_a_foreign_invalidation_is_seen_by_open_stat_and_ls() {
	mount_stack '"attr_timeout": 0, "entry_timeout": 0'
	mkdir "$MNT/d"
	hold d/a 1
	hold d/b 2
	hold d/c 3
	package invalidate d/a
	expect_miss d/a
	package invalidate d/b
	! stat "$MNT/d/b" 2>/dev/null || fail "stat finds b"
	package invalidate d/c
	expect_list d ""
}

test_a_foreign_prefix_invalidation_is_exact_for_all_that_it_removes() {
	mount_stack
	mkdir "$MNT/p" "$MNT/q"
	hold p/a 1
	hold p/b 2
	hold q/a 3
	package invalidate-prefix p/
	expect_absent p/a
	expect_absent p/b
	expect_value q/a 3
	expect_layers q/a memory,disk
}

test_a_foreign_ttl_is_kept_in_memory_too() {
	mount_stack
	hold k '"old"'
	package set k '"short"' 1.5
	expect_value k '"short"'
	wait_until 10 is_gone k
	package_holds k miss
	hold k '"old"'
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; UPDATE cache SET expires_at = 5 WHERE cache_key = 'k'" >/dev/null
	expect_miss k
}

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

test_a_listing_shows_what_the_package_did() {
	mount_stack '"attr_timeout": 0, "entry_timeout": 0'
	mkdir "$MNT/d"
	hold d/a 1
	hold d/b 22
	package set d/c '333'
	package invalidate d/a
	package set d/b '4444'
	expect_list d "b c"
	expect "sizes" "b 4 c 3" "$(cd "$MNT/d" && stat -c '%n %s' b c | paste -sd' ')"
}

test_the_layer_below_a_database_is_seen_too() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "name": "near", "options": {"path": "near.sqlite"}},
		{"type": "disk", "name": "far", "options": {"path": "db.sqlite"}}]}'
	set_value k '"old"'
	expect_value k '"old"'
	expect_layers k memory,near,far
	package set k '"new"'
	expect_value k '"new"'
	package invalidate k
	expect_miss k
}

test_both_sides_at_once_agree_in_the_end() {
	mount_stack
	local i key
	for i in $(seq 40); do
		package set "k$((i % 4))" "\"python $i\""
		set_value "k$(((i + 1) % 4))" "\"mount $i\""
		cat "$MNT"/k* >/dev/null 2>&1
	done
	for key in k0 k1 k2 k3; do
		package get $key
		expect_value $key "$PACKAGE_ANSWER"
	done
}

run_tests
