#!/bin/bash
# Writing under a temporary name and renaming the file is exactly one set, with all its metadata.
. "$(dirname "$0")/../lib.sh"

test_writing_beside_and_renaming_is_exactly_one_set() {
	mount_stack
	set_value k old
	local before
	before=$(stat_of '[.sets, .layers[].sets]')
	set_value k.tmp new
	expect "before the rename" "$before" "$(stat_of '[.sets, .layers[].sets]')"
	expect_value k old
	mv "$MNT/k.tmp" "$MNT/k"
	expect "sets" '[2,2,2]' "$(stat_of '[.sets, .layers[].sets]')"
	expect "calls" '[[2,0,0],[2,0,0]]' "$(stat_of '[.layers[].calls | [.set, .rename, .remove | .calls // 0]]')"
	expect_value k new
	expect_list "" k
	restart_daemon
	expect_value k new
}

test_sed_i_is_one_set() {
	mount_stack
	set_value k "one two"
	sed -i s/two/2/ "$MNT/k"
	expect_value k "one 2"
	expect "sets" '[2,2,2]' "$(stat_of '[.sets, .layers[].sets]')"
}

test_the_rename_carries_all_metadata() {
	mount_stack
	set_value k.part content
	chmod 2751 "$MNT/k.part"
	chown 7:8 "$MNT/k.part"
	chmod 2751 "$MNT/k.part"
	setfattr -n user.colour -v red "$MNT/k.part"
	set_ttl k.part 600
	touch -d @1234567890.123456789 "$MNT/k.part"
	local before
	before=$(stat -c '%a %u %g %s %i %.9Y' "$MNT/k.part")
	local ttl
	ttl=$(get_xattr k.part user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl beforehand $ttl"
	mv "$MNT/k.part" "$MNT/k"
	restart_daemon
	expect "stat" "$before" "$(stat -c '%a %u %g %s %i %.9Y' "$MNT/k")"
	expect "xattr" red "$(get_xattr k user.colour)"
	ttl=$(get_xattr k user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
}

test_the_rename_takes_the_ttl_of_the_directory_it_goes_to() {
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 300
	set_value k.tmp x
	mv "$MNT/k.tmp" "$MNT/d/k"
	local ttl
	ttl=$(get_xattr d/k user.cachefs.ttl)
	((${ttl%.*} > 200 && ${ttl%.*} <= 300)) || fail "ttl $ttl"
}

test_the_kernel_may_forget_a_temporary_file() {
	mount_stack
	set_value k.tmp content
	echo 2 >/proc/sys/vm/drop_caches
	expect_value k.tmp content
	mv "$MNT/k.tmp" "$MNT/k"
	expect_value k content
}

run_tests
