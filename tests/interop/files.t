#!/bin/bash
# The Python package's shapes and the mount, memory over JSON files, on one directory at once.
. "$(dirname "$0")/../lib.sh"

package() {
	PACKAGE_ANSWER=$(python3 "$ROOT/tests/helpers/package.py" files files "$@")
}

package_holds() {
	package get "$1"
	expect "the package's get of $1" "$2" "$PACKAGE_ANSWER"
}

mount_files() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}],
		"cachefs": {'"${1:-}"'}}'
}

hold() {
	set_value "$1" "$2"
	expect_value "$1" "$2"
	expect "layers of $1" memory,file "$(get_xattr "$1" user.cachefs.layers)"
}

test_each_side_gets_what_the_other_set() {
	mount_files
	package set k '{"text": "hi"}'
	expect "here" hi "$(jq -r .text "$MNT/k")"
	printf '{"text": "42"}' >"$MNT/mine"
	package_holds mine '{"text": "42"}'
	package set mine '{"text": "43"}'
	expect "here again" 43 "$(jq -r .text "$MNT/mine")"
}

test_a_foreign_set_is_seen_by_the_next_open_although_memory_has_the_old_value() {
	mount_files
	local i
	for i in 1 2 3 4 5; do
		hold k "\"old $i\""
		package set k "\"new $i\""
		expect_value k "\"new $i\""
		expect_value k "\"new $i\""
	done
}

test_a_foreign_invalidation_is_seen_by_open_stat_and_ls() {
	mount_files '"attr_timeout": 0, "entry_timeout": 0'
	hold a 1
	hold b 2
	hold c 3
	hold p_1 4
	hold p_2 5
	package invalidate a
	expect_miss a
	package invalidate b
	! stat "$MNT/b" 2>/dev/null || fail "stat finds b"
	package invalidate c
	expect_list "" "p_1 p_2"
	package invalidate-prefix p_
	expect_list "" ""
	expect_miss p_1
}

test_a_foreign_ttl_is_kept_in_memory_too() {
	mount_files
	hold k '"old"'
	package set k '"short"' 1.5
	expect_value k '"short"'
	wait_until 10 is_gone k
	package_holds k miss
}

test_what_was_not_changed_stays_in_memory() {
	mount_files
	hold a 1
	hold b 2
	package set a '3'
	expect_value a 3
	expect "layers of b" memory,file "$(get_xattr b user.cachefs.layers)"
}

test_a_listing_shows_what_the_package_did() {
	mount_files '"attr_timeout": 0, "entry_timeout": 0'
	local i
	for i in 1 2 3 4 5; do
		package set "k$i" "$i"
		expect "after k$i" "$i" "$(ls "$MNT" | wc -l)"
	done
}

run_tests
