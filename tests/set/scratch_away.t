#!/bin/bash
# An entry that gets a temporary name leaves the layers and can come back.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

test_an_entry_that_gets_a_temporary_name_leaves_the_layers_and_comes_back() {
	mount_stack
	set_value k content
	set_ttl k 600
	local before
	before=$(stat -c '%a %i %.9Y' "$MNT/k")
	open_reader r k
	mv "$MNT/k" "$MNT/k~"
	expect_absent k
	expect_value k~ content
	expect_read r content
	expect "stat" "$before" "$(stat -c '%a %i %.9Y' "$MNT/k~")"
	expect "entries" '[0,0]' "$(stat_of '[.layers[].entries]')"
	set_value k other
	mv "$MNT/k~" "$MNT/k"
	expect_value k content
	expect "stat" "$before" "$(stat -c '%a %i %.9Y' "$MNT/k")"
	local ttl
	ttl=$(get_xattr k user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
	expect_list "" k
}

test_an_entry_from_before_is_served_until_it_is_written_to() {
	mount_stack '"scratch_names": []'
	set_value k.tmp old
	set_value m.tmp other
	unmount
	mount_stack
	expect_value k.tmp old
	expect_list "" "k.tmp m.tmp"
	printf ' and new' >>"$MNT/k.tmp"
	expect_value k.tmp "old and new"
	expect "rows" m.tmp "$(rows)"
	mv "$MNT/k.tmp" "$MNT/m.tmp"
	expect_value m.tmp "old and new"
	expect "rows" "" "$(rows)"
	mv "$MNT/m.tmp" "$MNT/k"
	expect_value k "old and new"
}

run_tests
