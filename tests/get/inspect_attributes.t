#!/bin/bash
# Which attributes of inspection are listed, read-only or not there.
. "$(dirname "$0")/../lib.sh"

test_listed_attributes_are_what_a_copy_should_carry() {
	mount_stack
	set_value k x
	expect "names without a TTL" "" "$(getfattr --absolute-names "$MNT/k")"
	set_ttl k 100
	setfattr -n user.mine -v 1 "$MNT/k"
	expect names "user.cachefs.expires_at user.mine" \
		"$(getfattr --absolute-names "$MNT/k" | grep ^user | sort | paste -sd' ')"
}

test_inspection_attributes_are_read_only() {
	mount_stack
	set_value k x
	mkdir "$MNT/d"
	local name file
	for file in k d; do
		for name in version hits layer layers created nonsense; do
			expect_error "Operation not permitted" \
				setfattr -n "user.cachefs.$name" -v 1 "$MNT/$file"
			expect_error "Operation not permitted" \
				setfattr -x "user.cachefs.$name" "$MNT/$file"
		done
	done
	expect_error "Operation not permitted" setfattr -n user.cachefs.expires_at -v 1 "$MNT/d"
	expect version 1 "$(get_xattr k user.cachefs.version)"
}

test_attributes_that_are_not_there_are_not_found() {
	mount_stack
	set_value k x
	mkdir "$MNT/d"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.nonsense "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.rmdir "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$MNT/d"
	expect_error "No such attribute" getfattr -n user.cachefs.hits "$MNT/d"
	expect_error "Operation not permitted" setfattr -n user.cachefs.rmdir -v empty_only "$MNT/k"
	expect_error "Invalid argument" setfattr -n user.cachefs.rmdir -v perhaps "$MNT/d"
	expect_error "Invalid argument" setfattr -n user.cachefs.ttl -v soon "$MNT/k"
	expect_error "Invalid argument" setfattr -n user.cachefs.ttl -v -1 "$MNT/d"
	expect_error "Operation not supported" setfattr -n user.mine -v 1 "$MNT/.cachefs/stats.json"
}

test_a_directory_keeps_and_lists_its_own_two() {
	mount_stack
	mkdir "$MNT/d"
	setfattr -n user.cachefs.ttl -v 60 "$MNT/d"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/d"
	restart_daemon
	expect ttl 60 "$(get_xattr d user.cachefs.ttl)"
	expect rmdir empty_only "$(get_xattr d user.cachefs.rmdir)"
	expect names "user.cachefs.rmdir user.cachefs.ttl" \
		"$(getfattr --absolute-names "$MNT/d" | grep ^user | sort | paste -sd' ')"
}

test_symlinks_have_no_user_attributes() {
	mount_stack
	ln -s target "$MNT/s"
	expect_error "Operation not permitted" setfattr -h -n user.cachefs.ttl -v 1 "$MNT/s"
}

run_tests
