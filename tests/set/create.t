#!/bin/bash
# What opens or makes a key without a value: an empty redirection, touch, a create for reading, O_EXCL.
. "$(dirname "$0")/../lib.sh"

test_an_empty_redirection_sets_the_empty_value() {
	mount_stack
	set_value k old
	: >"$MNT/k"
	expect_value k ""
	: >"$MNT/fresh"
	expect_value fresh ""
}

test_touch_creates_an_empty_value() {
	mount_stack
	touch "$MNT/k"
	expect_value k ""
}

test_touch_of_a_key_keeps_its_value() {
	mount_stack
	set_value k value
	touch -d 2001-02-03T04:05:06 "$MNT/k"
	expect_value k value
	expect mtime "$(date -d 2001-02-03T04:05:06 +%s)" "$(stat -c %Y "$MNT/k")"
}

test_a_create_for_reading_publishes_at_once() {
	mount_with '{"type": "memory"}'
	tell w open k r,creat
	expect_value k ""
	tell w close
	expect_value k ""
}

test_exclusive_creation_fails_on_a_pending_key() {
	mount_with '{"type": "memory"}'
	open_writer a k w,creat,excl
	expect_told EEXIST b open k w,creat,excl
	tell a close
	expect_told EEXIST b open k w,creat,excl
}

run_tests
