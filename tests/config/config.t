#!/bin/bash
# A wrong configuration is refused with a sentence that says what was meant; the shapes that are right mount.
. "$(dirname "$0")/../lib.sh"

# refused JSON TEXT...: the daemon ends with status 1, mounts nothing and says every TEXT.
refused() {
	local rc=0 text
	printf '%s' "$1" >cachefs.json
	shift
	timeout 20 "$CACHEFS" -f cachefs.json "$MNT" </dev/null >errors 2>&1 || rc=$?
	cat errors >>"$LOG"
	expect "exit status" 1 "$rc"
	for text in "$@"; do
		grep -qF -- "$text" errors || fail "\"$text\" is not in: $(<errors)"
	done
	if is_mounted; then
		fail "it is mounted"
	fi
}

test_an_unknown_option_is_an_error_with_a_suggestion() {
	refused '{"type": "memory", "options": {"max_entires": 5}}' max_entires max_entries cachefs.json
}

test_an_unknown_option_of_a_layer_names_the_layer() {
	refused '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"pth": "db"}}]}' 'layers[1]' pth
}

test_an_unknown_setting_of_the_daemon_is_an_error() {
	refused '{"type": "memory", "cachefs": {"rmdirs": "empty_only"}}' rmdirs '"rmdir"'
}

test_an_unknown_type_is_an_error_with_a_suggestion() {
	refused '{"type": "memroy"}' memroy memory
}

test_a_wrong_value_is_an_error() {
	refused '{"type": "memory", "options": {"max_entries": "many"}}' max_entries
	refused '{"type": "memory", "options": {"max_entries": 0}}' max_entries
	refused '{"type": "memory", "cachefs": {"rmdir": "sometimes"}}' rmdir
}

test_broken_json_names_its_line() {
	refused $'{\n  "type": "memory",\n  oops\n}' cachefs.json 3
}

test_a_missing_file_is_an_error() {
	local rc=0
	"$CACHEFS" -f absent.json "$MNT" >errors 2>&1 || rc=$?
	expect "exit status" 1 "$rc"
	grep -q absent.json errors
}

test_wrong_usage_is_status_2() {
	local rc=0
	"$CACHEFS" >/dev/null 2>&1 || rc=$?
	expect "without arguments" 2 "$rc"
	rc=0
	"$CACHEFS" --no-such-option "$MNT" >/dev/null 2>&1 || rc=$?
	expect "unknown option" 2 "$rc"
}

test_help_and_version_are_printed() {
	"$CACHEFS" -h | grep -q MOUNTPOINT
	"$CACHEFS" -V | grep -q '[0-9]\.[0-9]'
}

test_the_single_layer_shape() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	set_value k value
	restart_daemon
	expect_value k value
}

test_the_two_layer_shape() {
	mount_with '{"memory": {"max_entries": 10}, "disk": {"path": "db.sqlite"}, "promote_on_hit": true}'
	set_value k value
	restart_daemon
	expect_value k value
	expect layers memory,disk "$(get_xattr k user.cachefs.layers)"
}

test_a_relative_path_is_taken_from_the_configurations_directory() {
	mount_with '{"type": "disk", "options": {"path": "sub/db.sqlite"}}'
	set_value k value
	test -f "$TMP/sub/db.sqlite"
}

run_tests
