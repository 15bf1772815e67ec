#!/bin/bash
# The Python package and the mount, memory over SQLite, change one database at once, and each sees what the
# other did.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/sqlite.sh"

package_holds() {
	package get "$1"
	expect "the package's get of $1" "$2" "$PACKAGE_ANSWER"
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
