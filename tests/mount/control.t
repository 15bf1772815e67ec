#!/bin/bash
# The directory .cachefs and what is in it.
. "$(dirname "$0")/../lib.sh"

test_the_control_directory_is_found_but_not_listed() {
	mount_stack
	expect_list "" ""
	test -d "$MNT/.cachefs"
	ls "$MNT/.cachefs" | grep -qx stats.json
	ls "$MNT/.cachefs" | grep -qx config.json
}

test_stats_are_valid_json_and_count() {
	mount_stack
	set_value k value
	expect_value k value
	jq -e . "$MNT/.cachefs/stats.json" >/dev/null
	jq -e '[.. | objects | .hits? | numbers] | max >= 1' "$MNT/.cachefs/stats.json" >/dev/null
	jq -e '[.. | objects | .sets? | numbers] | max >= 1' "$MNT/.cachefs/stats.json" >/dev/null
}

test_the_effective_configuration_is_valid_json() {
	mount_stack '"pending_wait_ms": 77'
	jq -e '.cachefs.pending_wait_ms == 77' "$MNT/.cachefs/config.json" >/dev/null
	jq -e '[.layers[].type] == ["memory", "disk"]' "$MNT/.cachefs/config.json" >/dev/null
}

test_the_effective_configuration_mounts_again() {
	mount_stack
	set_value k value
	cp "$MNT/.cachefs/config.json" effective.json
	unmount
	start_daemon "$TMP/effective.json"
	expect_value k value
}

test_nothing_can_be_created_over_the_control_directory() {
	mount_stack
	set_value k value
	mkdir "$MNT/d"
	expect_error "Operation not permitted" touch "$MNT/.cachefs/new"
	expect_error "Operation not permitted" mkdir "$MNT/.cachefs/new"
	expect_error "Operation not permitted" mv "$MNT/k" "$MNT/.cachefs/k"
	expect_error "Operation not permitted" mv -T "$MNT/d" "$MNT/.cachefs"
	expect_error "Operation not permitted" mv -T "$MNT/.cachefs" "$MNT/other"
	expect_error "Operation not permitted" rm "$MNT/.cachefs/stats.json"
	expect_error "Operation not permitted" rmdir "$MNT/.cachefs"
	expect_value k value
}

test_the_cache_directory_tag_is_there_by_name() {
	mount_stack
	expect signature "Signature: 8a477f597d28d172789f06886806bc55" "$(head -n 1 "$MNT/CACHEDIR.TAG")"
	expect_list "" ""
	echo mine >"$MNT/CACHEDIR.TAG"
	expect "signature after a write" "Signature: 8a477f597d28d172789f06886806bc55" \
		"$(head -n 1 "$MNT/CACHEDIR.TAG")"
}

run_tests
