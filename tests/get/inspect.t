#!/bin/bash
# The attributes of a key tell its hits, versions and layers.
. "$(dirname "$0")/../lib.sh"

test_hits_count_gets_and_not_peeks() {
	mount_with '{"type": "memory"}'
	set_value k x
	local before
	before=$(get_xattr k user.cachefs.hits)
	cat "$MNT/k" "$MNT/k" >/dev/null
	ls -la "$MNT" >/dev/null
	stat "$MNT/k" >/dev/null
	expect hits $((before + 2)) "$(get_xattr k user.cachefs.hits)"
}

test_the_version_counts_publishes() {
	mount_stack
	set_value k 1
	local first
	first=$(get_xattr k user.cachefs.version)
	set_value k 2
	expect version $((first + 1)) "$(get_xattr k user.cachefs.version)"
	mv "$MNT/k" "$MNT/moved"
	expect "version after rename" $((first + 1)) "$(get_xattr moved user.cachefs.version)"
}

test_layers_tell_who_holds_a_key() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}]}'
	set_value k x
	expect layer l1 "$(get_xattr k user.cachefs.layer)"
	expect layers l1,l2 "$(get_xattr k user.cachefs.layers)"
	restart_daemon
	expect "layer after a restart" l2 "$(get_xattr k user.cachefs.layer)"
	expect_value k x
	expect "layers after a promotion" l1,l2 "$(get_xattr k user.cachefs.layers)"
}

test_without_promotion_a_get_leaves_the_layers_alone() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}],
		"promotion_strategy": "never"}'
	set_value k x
	restart_daemon
	expect_value k x
	expect layers l2 "$(get_xattr k user.cachefs.layers)"
}

test_created_and_expires_at_are_readable() {
	mount_stack
	set_value k x
	[[ $(get_xattr k user.cachefs.created) ]] || fail "no user.cachefs.created"
	set_ttl k 100
	local at
	at=$(get_xattr k user.cachefs.expires_at)
	(( ${at%%.*} > $(date +%s) + 90 && ${at%%.*} < $(date +%s) + 110 )) || fail "expires_at is $at"
}

# Hits are written to the disk layer in batches; those that are not yet count as well.
test_hits_are_right_at_once_and_after_a_restart() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	set_value k x
	local i
	for i in 1 2 3 4 5; do
		expect_value k x
		expect "hits after get $i" "$i" "$(get_xattr k user.cachefs.hits)"
	done
	restart_daemon
	expect "hits after a restart" 5 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits after another" 6 "$(get_xattr k user.cachefs.hits)"
}

test_hits_of_a_faster_layer_reach_the_slower_one() {
	mount_stack
	set_value k x
	local i
	for i in 1 2 3; do expect_value k x; done
	expect hits 3 "$(get_xattr k user.cachefs.hits)"
	restart_daemon
	expect "hits after a restart" 3 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits after a promotion" 4 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits in memory again" 5 "$(get_xattr k user.cachefs.hits)"
}

run_tests
