#!/bin/bash
# invalidate-prefix beside writers and readers that have such keys open.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/invalidate_prefix.sh"

test_who_writes_such_a_key_publishes_nothing() {
	mount_layers "$MEMORY, $DISK"
	mkdir -p "$MNT/d/prefix:sub" "$MNT/d/pre"
	set_value prefix:old old
	local hand
	open_writer a prefix:new
	open_writer b d/prefix:sub/k
	open_writer c prefix:old w
	open_writer d d/other
	open_writer e prefix:scratch.tmp
	for hand in a b c d e; do
		tell $hand write "by $hand"
	done
	invalidate_prefix prefix:
	invalidate_prefix d/prefix:
	for hand in a b c d e; do
		tell $hand close
	done
	expect_list "" d
	expect_list d "other pre"
	expect_value d/other "by d"
	expect_absent d/prefix:sub
	mkdir "$MNT/d/prefix:sub"
	set_value d/prefix:sub/k new
	expect_value d/prefix:sub/k new
}

test_what_is_only_pending_was_met() {
	mount_layers "$MEMORY"
	open_writer a prefix:new
	tell a write half
	invalidate_prefix prefix:
	tell a close
	expect_list "" ""
}

test_a_reader_keeps_the_value_it_opened() {
	mount_layers "$MEMORY, $DISK"
	set_value prefix:k value
	open_reader r prefix:k
	invalidate_prefix prefix:
	expect_read r value
	expect_absent prefix:k
}

run_tests
