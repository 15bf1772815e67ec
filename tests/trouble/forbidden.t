#!/bin/bash
# A file that the daemon must not read is no miss: an error, a line in the log, and the value later.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/shortage.sh"

# The daemon is root in the tests: without these it may read no more than any other user.
start_powerless() {
	printf '#!/bin/sh\nexec setpriv --bounding-set -dac_override,-dac_read_search "%s" "$@"\n' "$CACHEFS" >powerless
	chmod 755 powerless
	local CACHEFS=$TMP/powerless
	start_daemon "$TMP/cachefs.json"
}

a_forbidden_value_file_is_no_miss() {
	random_file value 20000
	cp value "$MNT/k"
	unmount
	start_powerless
	chmod 0 "$(only_value_file)"
	expect_error "Permission denied" cat "$MNT/k"
	grep -q 'no permission to read the file of "k"' "$LOG"
	expect_list "" k
	chmod 600 "$(only_value_file)"
	cmp value "$MNT/k"
	chmod 0 "$(only_value_file)"
	unmount
	start_powerless
	expect_error "Permission denied" cat "$MNT/k"
	echo new >"$MNT/k"
	expect_value k new
}

test_a_value_file_that_must_not_be_read_is_no_miss() {
	mount_value_files
	a_forbidden_value_file_is_no_miss
}

# What memory has of it does not count after a start.
test_a_value_file_below_memory_that_must_not_be_read_is_no_miss() {
	mount_stack '' '"inline_limit_kb": 4'
	a_forbidden_value_file_is_no_miss
}

test_a_slower_layer_has_what_a_faster_one_must_not_read() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 4}},
		{"type": "file", "options": {"directory": "files"}}]}'
	random_file value 20000
	cp value "$MNT/k"
	unmount
	ln -sf "$TMP/value" "$(only_value_file)"
	start_daemon "$TMP/cachefs.json"
	cmp value "$MNT/k"
}

test_a_json_file_that_must_not_be_read_is_no_miss() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_value k value
	unmount
	start_powerless
	expect_value k value
	chmod 0 files/k.json
	expect_error "Permission denied" cat "$MNT/k"
	grep -q 'k.json: Permission denied' "$LOG"
	echo '{"payload": 1, "expires_at": null}' >files/new.json
	chmod 0 files/new.json
	expect_error "Permission denied" cat "$MNT/new"
	expect_error "Permission denied" mkdir "$MNT/new"
	chmod 600 files/*.json
	expect_value k value
	expect_value new 1
}

run_tests
