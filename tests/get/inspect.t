#!/bin/bash
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

test_listed_attributes_are_what_a_copy_should_carry() {
	mount_stack
	set_value k x
	expect "names without a TTL" "" "$(getfattr --absolute-names "$MNT/k")"
	set_ttl k 100
	setfattr -n user.mine -v 1 "$MNT/k"
	expect names "user.cachefs.ttl user.mine" \
		"$(getfattr --absolute-names "$MNT/k" | grep ^user | sort | paste -sd' ')"
}

test_inspection_attributes_are_read_only() {
	mount_stack
	set_value k x
	local name
	for name in version hits layer layers created expires_at; do
		if setfattr -n "user.cachefs.$name" -v 1 "$MNT/k" 2>/dev/null; then
			fail "user.cachefs.$name can be written"
		fi
	done
}

run_tests
