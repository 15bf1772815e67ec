#!/bin/bash
# A directory gives its TTL to what is set below it.
. "$(dirname "$0")/../lib.sh"

test_a_directory_gives_its_ttl_to_what_is_set_below_it_later() {
	mount_stack
	mkdir -p "$MNT/d/sub"
	set_value d/before value
	set_ttl d 0.4
	set_value d/k value
	set_value d/sub/k value
	expect_value d/k value
	ttl_passes 0.6
	expect_absent d/k
	expect_absent d/sub/k
	expect_value d/before value
	test -d "$MNT/d/sub"
}

test_the_nearest_directory_decides() {
	mount_stack
	mkdir -p "$MNT/d/sub"
	set_ttl d 0.3
	set_ttl d/sub 100
	set_value d/sub/k value
	ttl_passes 0.5
	expect_value d/sub/k value
}

test_a_directorys_ttl_survives_a_restart() {
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 0.4
	restart_daemon
	expect ttl 0.4 "$(get_xattr d user.cachefs.ttl)"
	set_value d/k value
	ttl_passes 0.6
	expect_absent d/k
}

test_a_directorys_ttl_can_be_removed() {
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 0.3
	setfattr -x user.cachefs.ttl "$MNT/d"
	set_value d/k value
	ttl_passes 0.5
	expect_value d/k value
}

test_a_layers_default_ttl_caps_its_copy() {
	mount_with '{"type": "memory", "options": {"default_ttl_s": 0.3}}'
	set_value k value
	expect_value k value
	wait_until 5 is_gone k
	expect_absent k
}

test_the_entry_lives_as_long_as_one_layer_has_it() {
	mount_with '{"layers": [{"type": "memory", "options": {"default_ttl_s": 1.5}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "promotion_strategy": "never"}'
	set_value k value
	expect layers memory,disk "$(get_xattr k user.cachefs.layers)"
	ttl_passes 1.7
	expect_value k value
	expect layers disk "$(get_xattr k user.cachefs.layers)"
}

run_tests
