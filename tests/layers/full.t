#!/bin/bash
# A full disk below JSON files: what cannot be stored is refused, the old value stays, nothing half
# written is left, and once there is space again sets work.
. "$(dirname "$0")/../lib.sh"

# full_files MIB [OPTIONS]: the directory on a file system of that size
full_files() {
	small_disk "$1"
	mount_with '{"type": "file", "options": {"directory": "store/files"'"${2:+, $2}"'}}'
}

no_litter() {
	expect "temporary files" "" "$(find store/files -name '.cachefs-tmp*')"
	jq -e .payload store/files/*.json >/dev/null || fail "a file is not whole"
	expect "entries of the stats" "$(ls store/files/*.json | wc -l)" "$(layer_stat file entries)"
	expect "bytes of the stats" "$(cat store/files/*.json | wc -c)" "$(layer_stat file bytes)"
}

check_full() {
	letters old o "$1"
	letters new n "$1"
	cp old "$MNT/k"
	mkdir "$MNT/before"
	chmod 700 "$MNT/before"
	fill_up
	expect_refused_when_full 6
	no_litter
	expect_error "No space left on device" setfattr -n user.note -v x "$MNT/k"
	expect_error "No space left on device" mkdir "$MNT/d"
	expect_absent d
	expect_error "No space left on device" chmod 755 "$MNT/before"
	expect_error "No space left on device" mv "$MNT/k" "$MNT/moved"
	cmp old "$MNT/k"
	expect_absent moved
	no_litter
	unmount
	start_daemon "$TMP/cachefs.json"
	cmp old "$MNT/k"
	expect "mode" 700 "$(stat -c %a "$MNT/before")"
	expect_absent d
	space_again
	cp new "$MNT/k"
	cmp new "$MNT/k"
	mkdir "$MNT/d"
	mv "$MNT/k" "$MNT/d/moved"
	no_litter
	kill_daemon
	cmp new "$MNT/d/moved"
	expect_absent k
	no_litter
}

test_a_full_disk_refuses_small_values() {
	full_files 2
	check_full 3000
}

test_a_full_disk_refuses_large_values() {
	full_files 4
	check_full 600000
}

test_removing_and_evicting_make_room_on_a_full_disk() {
	full_files 4 '"max_files": 3'
	letters value v 1000000
	local i
	for i in 1 2 3; do
		cp value "$MNT/k$i"
	done
	fill_up
	expect_error "No space left on device" cp value "$MNT/k1"
	cmp value "$MNT/k1"
	rm "$MNT/k2"
	cp value "$MNT/k4"
	cmp value "$MNT/k4"
	no_litter
}

run_tests
