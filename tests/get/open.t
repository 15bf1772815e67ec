#!/bin/bash
# Who opens a key has its value until the close, whatever becomes of the key.
. "$(dirname "$0")/../lib.sh"

test_a_reader_keeps_the_value_it_opened() {
	mount_with '{"type": "memory"}'
	set_value k old
	open_reader r k
	set_value k new
	expect_read r old
	expect_value k new
}

test_a_reader_keeps_its_value_when_the_key_is_invalidated() {
	mount_stack
	set_value k old
	open_reader r k
	rm "$MNT/k"
	expect_read r old
	expect_absent k
}

test_a_mapping_keeps_the_value_it_was_made_of() {
	mount_with '{"type": "memory"}'
	set_value k "the old value"
	open_reader r k
	tell r map
	set_value k "new"
	tell r peek
	expect peek "the old value" "$ANSWER"
	expect_value k new
}

test_two_reads_by_one_handle_are_the_same() {
	mount_with '{"type": "memory"}'
	set_value k "first value"
	open_reader r k
	expect_read r "first value"
	set_value k "second"
	expect_read r "first value"
	tell r size
	expect size 11 "$ANSWER"
}

test_a_get_of_an_absent_key_is_a_miss() {
	mount_stack
	expect_absent k
}

test_an_empty_value_is_not_a_miss() {
	mount_stack
	set_value k ""
	expect_value k ""
	test -f "$MNT/k"
}

test_a_value_of_any_bytes_comes_back() {
	mount_stack
	local size
	for size in 1 4096 65536 65537 300000 5000000; do
		random_file v "$size"
		cp v "$MNT/k"
		cmp v "$MNT/k"
	done
	restart_daemon
	cmp v "$MNT/k"
}

test_keys_may_have_any_name() {
	mount_stack
	local name long
	long=$(printf 'n%.0s' {1..255})
	for name in "with space" 'per%cent' '%2F' "ü" $'tab\t' '*?[' "quote'" 'back\slash' "$long" '100%'; do
		set_value "$name" "value of $name"
		expect_value "$name" "value of $name"
	done
	restart_daemon
	expect_value "$long" "value of $long"
	expect_value '%2F' "value of %2F"
	expect_error "File name too long" touch "$MNT/${long}n"
}

test_a_name_that_is_not_utf8_is_a_key() {
	mount_stack
	set_value $'\xff\xfe' bytes
	restart_daemon
	expect_value $'\xff\xfe' bytes
	expect_list "" $'\xff\xfe'
}

test_a_pending_key_is_listed_but_a_get_is_a_miss() {
	mount_with '{"type": "memory"}'
	open_writer w k
	tell w write half
	test -e "$MNT/k"
	expect_list "" k
	expect_miss k
	tell w close
	expect_value k half
}

test_a_get_of_a_pending_key_waits_for_the_publish() {
	mount_with '{"type": "memory", "options": {}, "cachefs": {"pending_wait_ms": 10000}}'
	open_writer w k
	tell w write whole
	cat "$MNT/k" >got 2>&1 &
	local reader=$!
	tell w close
	wait "$reader"
	expect "the waiting get" whole "$(<got)"
}

test_an_evicted_value_stays_readable_by_its_handle() {
	mount_with '{"type": "memory", "options": {"max_entries": 2}}'
	set_value a "value of a"
	open_reader r a
	set_value b x
	set_value c x
	set_value d x
	expect_read r "value of a"
	expect_absent a
	expect_value d x
}

run_tests
