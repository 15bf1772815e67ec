#!/bin/bash
# What a person edits in a file of the file layer is served with fresh metadata.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

# edit KEY FILTER: what a person does with an entry's file
edit() {
	jq "$2" "files/$1.json" >edited
	mv edited "files/$1.json"
}

edits_by_hand_are_served() {
	set_value k '{"n": 1}'
	set_value text words
	set_value untouched '{"n":   1}'
	chmod 640 "$MNT/k" "$MNT/text" "$MNT/untouched"
	setfattr -n user.colour -v red "$MNT/k"
	restart_daemon
	expect_value k '{"n": 1}'
	edit k '.payload.n = 2'
	edit text '.payload = "other words"'
	touch files/untouched.json
	local round
	for round in 1 2; do
		expect "k" 2 "$(jq .n "$MNT/k")"
		expect_value text "other words"
		expect "mode" "640 640 640" "$(stat -c %a "$MNT/k" "$MNT/text" "$MNT/untouched" | paste -sd' ')"
		expect "version" 0 "$(get_xattr k user.cachefs.version)"
		expect "attribute" "" "$(get_xattr k user.colour)"
		expect "size" "$(cat "$MNT/text" | wc -c)" "$(stat -c %s "$MNT/text")"
		restart_daemon
	done
	edit text '.payload = {"a": [1]}'
	expect "object" 1 "$(jq '.a[0]' "$MNT/text")"
	edit text '.expires_at = 1'
	expect_absent text
	set_value k '"set"'
	expect_value k '"set"'
	expect "version" 1 "$(get_xattr k user.cachefs.version)"
}

test_what_is_edited_by_hand_is_served_with_fresh_metadata() {
	mount_files
	edits_by_hand_are_served
}

test_what_is_edited_by_hand_below_memory_is_served_with_fresh_metadata() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "revalidate_ms": 0, "options": {"directory": "files"}}],
		"cachefs": {"attr_timeout": 0, "entry_timeout": 0}}'
	edits_by_hand_are_served
}

run_tests
