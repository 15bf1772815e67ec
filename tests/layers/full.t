#!/bin/bash
# A full disk below JSON files: what cannot be stored, for nothing is left to evict, is refused, the old value
# stays, nothing half written is left, and once there is space again sets work. (What can be evicted: full/file.t.)
. "$(dirname "$0")/../lib.sh"

# full_files MIB [OPTIONS]: the directory on a file system of that size
full_files() {
	small_disk "$1"
	mount_with '{"type": "file", "options": {"directory": "store/files", "min_free_mb": 0'"${2:+, $2}"'}}'
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
	expect_error "No space left on device" cp new "$MNT/k"
	cmp old "$MNT/k"
	no_litter
	expect_error "No space left on device" setfattr -n user.note -v x "$MNT/k"
	expect_error "No space left on device" mv "$MNT/k" "$MNT/moved"
	cmp old "$MNT/k"
	expect_absent moved
	no_litter
	kill_daemon # an unmount would store the time of the root, and evict for it
	cmp old "$MNT/k"
	expect "mode" 700 "$(stat -c %a "$MNT/before")"
	rm "$MNT/k"
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

test_a_full_disk_refuses_small_values_when_nothing_can_go() {
	full_files 2
	check_full 3000
}

test_a_full_disk_refuses_large_values_when_nothing_can_go() {
	full_files 4
	check_full 600000
}

# Without space and without entries: a directory is refused, and removed; what only gets shorter is written.
test_directories_on_a_full_disk() {
	full_files 2
	local i
	for i in {1..60}; do
		mkdir "$MNT/d$i"
	done
	fill_up
	for i in {1..60}; do
		mkdir "$MNT/more$i" 2>/dev/null || break
	done
	((i < 60)) || fail "60 directories more fitted in nothing"
	expect_absent "more$i"
	for i in {1..30}; do
		rmdir "$MNT/d$i"
	done
	kill_daemon
	expect_absent d1
	expect_absent d30
	[[ -d $MNT/d31 && -d $MNT/d60 ]]
	jq -e . store/files/.cachefs-directories >/dev/null || fail "the list of directories is not whole"
	space_again
	mkdir "$MNT/d1"
}

test_what_is_too_large_for_the_disk_evicts_nothing() {
	full_files 4
	set_value k value
	letters huge h 5000000
	expect_error "No space left on device" cp huge "$MNT/huge"
	expect_value k value
	expect_absent huge
	no_litter
}

run_tests
