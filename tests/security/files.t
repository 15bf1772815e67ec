#!/bin/bash
# What the daemon makes on disk, and what it does not take for its own there.
. "$(dirname "$0")/../lib.sh"

is_root() {
	[[ $EUID = 0 ]] || skip "only root can be other users"
}

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

# --- planted ------------------------------------------------------------------

keep_out='keep out'

# victims: files that a link leads to
plant_victims() {
	mkdir victim
	printf %s "$keep_out" >victim/0123456789abcdef
}

expect_victims_untouched() {
	expect "what a link led to" "$keep_out" "$(cat victim/0123456789abcdef)"
	expect "where a link led to" "0123456789abcdef" "$(ls victim)"
}

expect_refused_state() {
	printf '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}], "write_strategy": "write_back",
		"cachefs": {"state_dir": "state"}}' >c.json
	expect_error "$1" timeout 20 "$CACHEFS" -f c.json "$MNT"
	! is_mounted
	expect_victims_untouched
}

test_a_link_in_the_place_of_the_lock_is_not_followed() {
	plant_victims
	mkdir -m 700 state
	ln -s "$TMP/victim/0123456789abcdef" state/lock
	expect_refused_state 'has a file "lock" that is not a regular file'
}

test_a_link_in_the_place_of_the_state_database_is_not_followed() {
	plant_victims
	mkdir -m 700 state
	ln -s "$TMP/victim/new" state/state.sqlite
	expect_refused_state 'has a file "state.sqlite" that is not a regular file'
	rm state/state.sqlite
	ln -s "$TMP/victim/new" state/state.sqlite-wal
	expect_refused_state 'has a file "state.sqlite-wal" that is not a regular file'
}

test_a_state_directory_of_others_is_refused() {
	plant_victims
	mkdir -m 777 state
	chmod 777 state
	expect_refused_state 'can be written by others (mode 0777)'
	rmdir state
	ln -s victim state
	expect_refused_state 'is a symbolic link'
	is_root
	rm state
	mkdir -m 755 state
	chown 1001 state
	expect_refused_state 'belongs to another user (uid 1001)'
	chown 0 state
	: >state/lock
	chown 1001 state/lock
	expect_refused_state 'has a file "lock" that belongs to another user'
}

test_large_values_are_not_looked_for_where_a_link_leads() {
	plant_victims
	ln -s victim db.sqlite.values
	printf '{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 1}}' >c.json
	expect_error 'is a symbolic link: what others can put there is not trusted' \
		timeout 20 "$CACHEFS" -f c.json "$MNT"
	rm db.sqlite.values
	mkdir db.sqlite.values
	chmod 777 db.sqlite.values
	expect_error 'can be written by others' timeout 20 "$CACHEFS" -f c.json "$MNT"
	rmdir db.sqlite.values
	start_daemon c.json
	head -c 5000 /dev/urandom >k
	cp k "$MNT/k"
	mv db.sqlite.values aside
	ln -s victim db.sqlite.values
	expect_error . cp k "$MNT/other" # neither written nor read there
	expect_error . cat "$MNT/k"
	rm "$MNT/k"
	rm db.sqlite.values
	mv aside db.sqlite.values
	cp k "$MNT/k"
	cmp k "$MNT/k"
	expect_victims_untouched
}

test_large_values_of_the_journal_are_not_looked_for_where_a_link_leads() {
	plant_victims
	mkdir -m 700 state
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 100000}},
		{"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	set_value k v
	unmount
	ln -s "$TMP/victim" state/state.sqlite.values
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k v
	head -c 5000000 /dev/urandom >"$MNT/large" || true
	unmount
	expect_victims_untouched
}

run_tests
