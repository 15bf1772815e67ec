#!/bin/bash
# An own end wins over the defaults of layers, and the cap of a layer is no end of the entry.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

own_end_wins() {
	echo a >"$MNT/k"
	setfattr -n user.cachefs.ttl -v "$OWN" "$MNT/k"
	expect_near "the store's end of $OWN s" "$OWN" "$(store_end k)"
	expect_near "the mount's end of $OWN s" "$OWN" "$(get_xattr k user.cachefs.expires_at)"
	echo b >>"$MNT/k"
	expect_near "the store's end of $OWN s after >>" "$OWN" "$(store_end k)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
}

test_an_own_ttl_wins_over_a_default_longer_or_shorter_in_every_layer() {
	OWN=7200
	for_each_stack own_end_wins
	OWN=1800
	for_each_stack own_end_wins
}

test_an_own_never_wins_over_a_default() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.4}},
		{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 0.4}}'
	set_value k value
	set_value other value
	setfattr -n user.cachefs.ttl -v never "$MNT/k"
	expect ttl never "$(get_xattr k user.cachefs.ttl)"
	expect expires_at never "$(get_xattr k user.cachefs.expires_at)"
	ttl_passes 0.6
	expect_value k value
	expect_absent other
	restart_daemon
	expect ttl never "$(get_xattr k user.cachefs.ttl)"
	setfattr -x user.cachefs.ttl "$MNT/k"
	wait_until 10 is_gone k
}

test_a_directorys_never_is_its_own_never() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.3}}'
	mkdir -p "$MNT/d/sub"
	set_ttl d 0.3
	set_ttl d/sub never
	set_value d/sub/k value
	set_value d/k value
	ttl_passes 0.5
	expect_value d/sub/k value
	expect_absent d/k
}

test_max_ttl_s_caps_every_end() {
	mount_layers '{"type": "memory", "options": {"max_ttl_s": 0.4}}'
	set_value none value
	set_value own value
	set_value never value
	set_ttl own 1000
	set_ttl never never
	ttl_passes 0.6
	expect_absent none
	expect_absent own
	expect_absent never
}

test_the_cap_of_one_layer_is_no_end_of_the_entry() {
	mount_layers '{"type": "memory", "options": {"max_ttl_s": 0.4}}, '"$DISK"
	set_value k value
	echo more >>"$MNT/k"
	expect_store_end k never ">>"
	set_ttl k 5000
	expect_near "the store's end" 5000 "$(store_end k)"
	expect_near "the mount's end" 5000 "$(get_xattr k user.cachefs.expires_at)"
	ttl_passes 0.6
	expect_value k valuemore
}

test_a_promoted_copy_does_not_outlive_the_copy_it_was_taken_from() {
	mount_layers '{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 1.5}}'
	set_value k value
	set_value part value
	local before
	before=$(store_end k)
	restart_daemon
	expect_value k value
	wait_until 10 eval '[[ $(get_xattr k user.cachefs.layers) == memory,disk ]]'
	expect "the copy's end" "" "$(getfattr --absolute-names "$MNT/k")"
	echo more >>"$MNT/part"
	expect "names after >>" "" "$(getfattr --absolute-names "$MNT/part")"
	expect "the store's end" "$before" "$(store_end k)"
	wait_until 10 is_gone k
	expect_absent k
}

test_the_default_starts_anew_with_each_set_and_is_still_no_own_end_after_a_restart() {
	mount_layers '{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 3600}}'
	set_value k value
	restart_daemon
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
	expect_near "the mount's end" 3600 "$(get_xattr k user.cachefs.expires_at)"
	unmount
	mount_layers "$DISK"
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
	echo more >>"$MNT/k"
	expect_store_end k never ">> without a default"
}

run_tests
