#!/bin/bash
# What rmdir is for on a mount as it comes: it invalidates a prefix.
. "$(dirname "$0")/../lib.sh"

test_rmdir_invalidates_a_prefix() {
	mount_stack
	mkdir -p "$MNT/d/sub/deep" "$MNT/da"
	set_value d/k value
	set_value d/sub/deep/k value
	set_value da/k stays
	set_value d0 stays
	rmdir "$MNT/d"
	expect_absent d
	expect_miss d/k
	expect_miss d/sub/deep/k
	expect_value da/k stays
	expect_value d0 stays
	restart_daemon
	expect_list "" "d0 da"
}

test_wildcards_in_a_prefix_are_ordinary_bytes() {
	mount_stack
	local name
	mkdir "$MNT/a_b" "$MNT/aXb" "$MNT/a%" "$MNT/a%c"
	for name in a_b aXb a% a%c; do
		set_value "$name/k" value
	done
	rmdir "$MNT/a_b" "$MNT/a%"
	expect_list "" "a%c aXb"
	expect_value a%c/k value
}

test_a_writer_below_an_invalidated_prefix_publishes_nothing() {
	mount_stack
	mkdir "$MNT/d"
	set_value d/old value
	open_writer fresh d/new
	open_writer over d/old
	tell fresh write x
	tell over write x
	rmdir "$MNT/d"
	tell fresh close
	tell over close
	expect_absent d
	mkdir "$MNT/d"
	expect_list d ""
}

test_a_reader_below_an_invalidated_prefix_keeps_its_value() {
	mount_stack
	mkdir "$MNT/d"
	set_value d/k value
	open_reader r d/k
	rmdir "$MNT/d"
	expect_read r value
}

test_empty_only_refuses_a_directory_with_content() {
	mount_stack '"rmdir": "empty_only"'
	mkdir -p "$MNT/d/sub"
	set_value d/sub/k value
	expect_error "not empty" rmdir "$MNT/d"
	expect_error "not empty" rmdir "$MNT/d/sub"
	expect_value d/sub/k value
	rm "$MNT/d/sub/k"
	rmdir "$MNT/d/sub" "$MNT/d"
	expect_list "" ""
}

test_a_pending_key_keeps_a_directory_from_being_empty() {
	mount_stack '"rmdir": "empty_only"'
	mkdir "$MNT/d"
	open_writer w d/k
	tell w write value
	expect_error "not empty" rmdir "$MNT/d"
	tell w close
	expect_value d/k value
}

test_the_attribute_chooses_empty_only_for_a_directory_and_below() {
	mount_stack
	mkdir -p "$MNT/careful/sub" "$MNT/d"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/careful"
	set_value careful/sub/k value
	set_value d/k value
	expect_error "not empty" rmdir "$MNT/careful"
	expect_error "not empty" rmdir "$MNT/careful/sub"
	rmdir "$MNT/d"
	expect_absent d
	restart_daemon
	expect_error "not empty" rmdir "$MNT/careful/sub"
	expect attribute empty_only "$(get_xattr careful user.cachefs.rmdir)"
	expect_error "Invalid argument" setfattr -n user.cachefs.rmdir -v perhaps "$MNT/careful"
}

test_rmdir_of_a_key_and_unlink_of_a_directory_fail() {
	mount_stack
	set_value k value
	mkdir "$MNT/d"
	expect_error "Not a directory" rmdir "$MNT/k"
	expect_error "Is a directory" unlink "$MNT/d"
	expect_error "No such file" rmdir "$MNT/absent"
}

test_find_delete_and_rm_recursive_work() {
	mount_stack '"rmdir": "empty_only"'
	mkdir -p "$MNT/a/b/c" "$MNT/r/s"
	touch "$MNT/a/b/k" "$MNT/a/b/c/k" "$MNT/r/s/k" "$MNT/r/k"
	find "$MNT/a" -delete
	rm -r "$MNT/r"
	expect_list "" ""
}

run_tests
