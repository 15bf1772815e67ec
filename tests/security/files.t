#!/bin/bash
# What the daemon makes on disk is for its owner alone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/files.sh"

# Every kind of file: a database with its WAL and a large value, JSON files, state, the log.
mount_all_kinds() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "store/disk/db.sqlite", "inline_limit_kb": 1'"$1"'}},
		{"type": "file", "options": {"directory": "store/json/files"'"$1"'}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "store/state/dir", "log_file": "store-log"}}'
	head -c 5000 /dev/urandom >"$MNT/large"
	set_value small x
	[[ -e store/disk/db.sqlite-wal && -e store/disk/db.sqlite-shm && -e store/state/dir/state.sqlite-wal ]]
	wait_until 60 is_drained
	ls store/disk/db.sqlite.values/* store/json/files/* >/dev/null
}

test_what_is_made_is_for_the_owner_alone_whatever_the_umask() {
	umask 0
	mount_all_kinds ''
	expect "open to others" "" "$(find store store-log -perm /077)"
	unmount
	expect "open to others" "" "$(find store store-log -perm /077)"
}

test_mode_shares_what_is_made_on_purpose() {
	umask 077
	mount_all_kinds ', "mode": "0660"'
	expect "not shared" "" "$(find store/disk store/json -type f ! -perm 0660)"
	expect "not shared" "" "$(find store/disk store/json -type d ! -perm 0770)"
	expect "open to others" "" "$(find store/state store-log -perm /077)"
	expect '"mode" in config.json' '"0660" "0660"' \
		"$(jq -c '.layers[].options.mode' "$MNT/.cachefs/config.json" | paste -sd' ')"
}

test_mode_is_written_as_a_string_of_octal_digits() {
	printf '{"type": "disk", "options": {"path": "a.sqlite", "mode": 660}}' >c.json
	expect_error 'expected a string like "0640"' "$CACHEFS" --check-config c.json
	printf '{"type": "disk", "options": {"path": "a.sqlite", "mode": "0777"}}' >c.json
	expect_error 'has bits that are not in "0666"' "$CACHEFS" --check-config c.json
	printf '{"type": "file", "options": {"directory": "a", "mode": "0440"}}' >c.json
	expect_error 'takes from the owner what "0600" has' "$CACHEFS" --check-config c.json
}

test_a_database_that_is_there_keeps_its_owner_and_mode_and_lends_them() {
	is_root
	mkdir -m 711 store
	sqlite3 store/db.sqlite 'CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL,
		expires_at REAL, updated_at REAL NOT NULL)'
	chown 1001:1002 store/db.sqlite
	chmod 640 store/db.sqlite
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite", "inline_limit_kb": 1}}'
	head -c 5000 /dev/urandom >"$MNT/large"
	set_value small x
	expect "owners and modes" "1001:1002 640" \
		"$(find store -type f -printf '%U:%G %m\n' | sort -u)"
	expect "the directory of large values" "1001:1002 750" "$(stat -c '%u:%g %a' store/db.sqlite.values)"
	grep -q 'can be read by other users' "$LOG"
}

test_a_database_that_nobody_else_reaches_is_no_reason_to_warn() {
	mkdir -m 700 store
	(umask 022 && : >store/db.sqlite)
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"}}'
	set_value k v
	expect "warnings" "" "$(grep 'can be read by other users' "$LOG" || true)"
}

run_tests
