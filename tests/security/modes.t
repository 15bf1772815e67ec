#!/bin/bash
# Whose an entry is that another program wrote, or whose metadata were lost: it closes, it never opens.
. "$(dirname "$0")/../lib.sh"

sql() {
	sqlite3 -cmd '.timeout 10000' "$TMP/db.sqlite" "$1"
}

is_value() {
	[[ $(cat "$MNT/$1" 2>/dev/null) = "$2" ]]
}

shows() {
	local what=$1
	shift
	expect "$1" "$what" "$(stat -c '%F %a %u:%g' "$MNT/$1")"
}

OURS="$(id -u):$(id -g)"
TABLE='CREATE TABLE IF NOT EXISTS cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL, updated_at REAL NOT NULL);'
NO_CACHE='"attr_timeout": 0, "entry_timeout": 0'

# --- unknown ------------------------------------------------------------------

test_what_others_wrote_is_the_mount_owners_alone() {
	umask 022
	sql "$TABLE INSERT INTO cache VALUES('k', 'hi', NULL, 1), ('d/k', 'hi', NULL, 1), ('p', 'x', NULL, 1), ('p/q', 'x', NULL, 1)"
	mount_stack "$NO_CACHE"
	shows "regular file 600 $OURS" k
	shows "directory 700 $OURS" d
	shows "regular file 600 $OURS" p/%{self}
	expect "mode in user.cachefs.info" '"0600"' "$(get_xattr k user.cachefs.info | jq .mode)"
	shows "directory 755 $OURS" . # the mount's own is as its owner makes directories
}

test_foreign_mode_opens_them_less_the_umask() {
	umask 027
	sql "$TABLE INSERT INTO cache VALUES('k', 'hi', NULL, 1), ('d/k', 'hi', NULL, 1)"
	mount_stack "$NO_CACHE, \"foreign_mode\": \"0644\""
	shows "regular file 640 $OURS" k
	shows "directory 750 $OURS" d
	expect "in config.json" '"0644"' "$(jq .cachefs.foreign_mode "$MNT/.cachefs/config.json")"
}

test_foreign_mode_has_no_bits_that_run_programs() {
	printf '{"type": "memory", "cachefs": {"foreign_mode": "0755"}}' >c.json
	expect_error 'has bits that are not in "0666"' "$CACHEFS" --check-config c.json
}

test_foreign_json_files_and_redis_keys_are_the_mount_owners_alone() {
	umask 000
	mkdir files
	printf '{"payload": {"text": "hi"}, "expires_at": null}' >files/k.json
	start_redis
	redis SET accuralai:cache:r hi >/dev/null
	mount_with '{"layers": [{"type": "file", "options": {"directory": "files"}},
		{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}], "cachefs": {"state_dir": "state"}}'
	shows "regular file 600 $OURS" k
	wait_until 20 test -e "$MNT/r"
	shows "regular file 600 $OURS" r
}

# --- lost ---------------------------------------------------------------------

test_metadata_that_redis_lost_close() {
	umask 022
	start_redis
	mount_redis '' "$NO_CACHE"
	mkdir -m 700 "$MNT/d"
	(umask 077 && set_value d/k secret)
	chmod 711 "$MNT"
	chown 7:8 "$MNT"
	redis DEL cachefs:index:accuralai:cache: cachefs:dirs:accuralai:cache: >/dev/null
	wait_until 60 test -e "$MNT/d/k" # the index is made anew
	shows "regular file 600 $OURS" d/k
	shows "directory 700 $OURS" d
	shows "directory 711 7:8" .
	expect_value d/k secret
	restart_daemon
	redis DEL cachefs:index:accuralai:cache: cachefs:dirs:accuralai:cache: >/dev/null
	shows "directory 711 7:8" .
	chmod 750 "$MNT"
	restart_daemon
	redis DEL cachefs:index:accuralai:cache: cachefs:dirs:accuralai:cache: >/dev/null
	shows "directory 750 7:8" .
	wait_until 60 test -e "$MNT/d/k"
	shows "regular file 600 $OURS" d/k
}

test_the_greeting_warns_of_a_server_that_evicts_metadata() {
	start_redis --maxmemory 64mb --maxmemory-policy allkeys-random
	mount_redis
	set_value k v
	grep -q 'maxmemory-policy is allkeys-random, which can evict the modes' "$LOG"
	expect "how often" 1 "$(grep -c 'maxmemory-policy is' "$LOG")"
}

test_no_warning_of_a_server_that_spares_them() {
	start_redis --maxmemory 64mb --maxmemory-policy volatile-lru
	mount_redis
	set_value k v
	! grep 'maxmemory-policy is' "$LOG" || fail "it warned"
}

# An eviction as it happens: no key of 0600 and no directory of 0700 may be open to others afterwards.
test_nothing_opens_while_a_server_evicts() {
	umask 022
	start_redis --maxmemory 3mb --maxmemory-policy allkeys-random
	mount_redis '' "$NO_CACHE"
	mkdir -m 700 "$MNT/d"
	(
		umask 077
		head -c 20000 /dev/zero >value
		for i in {1..250}; do
			cat value >"$MNT/d/$i" || true
			cat value >"$MNT/k$i" || true
		done
	) 2>/dev/null
	[[ $(redis INFO stats | sed -n 's/^evicted_keys:\([0-9]*\).*/\1/p') -gt 0 ]]
	expect "open to others" "" "$(find "$MNT" -mindepth 1 -perm /077 2>/dev/null || true)"
	expect "owners" "$OURS" "$(find "$MNT" -mindepth 1 -printf '%U:%G\n' 2>/dev/null | sort -u)"
}

# --- known --------------------------------------------------------------------

keys_with_owners() {
	for key in "$@"; do
		set_value "$key" old
		chmod 640 "$MNT/$key"
		chown 5:6 "$MNT/$key"
	done
}

test_a_foreign_overwrite_in_sqlite_keeps_mode_and_owner() {
	mount_stack "$NO_CACHE"
	keys_with_owners update upsert replace twice
	sql "UPDATE cache SET payload = 'new' WHERE cache_key = 'update';
		INSERT INTO cache(cache_key, payload, updated_at) VALUES('upsert', 'new', 1)
			ON CONFLICT(cache_key) DO UPDATE SET payload = excluded.payload, updated_at = excluded.updated_at;
		INSERT OR REPLACE INTO cache(cache_key, payload, updated_at) VALUES('replace', 'new', 1), ('twice', 'newer', 1);
		INSERT OR REPLACE INTO cache(cache_key, payload, updated_at) VALUES('other', 'new', 1), ('twice', 'new', 1)"
	for key in update upsert replace twice; do
		wait_until 20 is_value "$key" new
		shows "regular file 640 5:6" "$key"
		expect "version" 0 "$(get_xattr "$key" user.cachefs.version)"
	done
	shows "regular file 600 $OURS" other
	restart_daemon
	shows "regular file 640 5:6" replace
	sql "DELETE FROM cache WHERE cache_key = 'replace'; INSERT INTO cache(cache_key, payload, updated_at) VALUES('replace', 'x', 1)"
	wait_until 20 is_value replace x
	shows "regular file 600 $OURS" replace # another one: nothing is known of it
}

test_a_database_of_an_earlier_version_learns_to_keep_them() {
	mount_stack "$NO_CACHE"
	keys_with_owners k
	unmount
	sql "DROP TRIGGER cachefs_keep; DROP TABLE cachefs_owner; UPDATE cachefs_settings SET value = '3' WHERE name = 'schema'"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	sql "INSERT OR REPLACE INTO cache(cache_key, payload, updated_at) VALUES('k', 'new', 1)"
	wait_until 20 is_value k new
	shows "regular file 640 5:6" k
}

test_a_foreign_overwrite_in_redis_keeps_mode_and_owner() {
	start_redis
	mount_redis '' "$NO_CACHE"
	keys_with_owners k longer end
	redis SET accuralai:cache:k new >/dev/null
	redis SET accuralai:cache:longer 'longer than before' >/dev/null
	redis SET accuralai:cache:end new EX 1000 >/dev/null
	expect_list "" "end k longer"
	shows "regular file 640 5:6" k
	shows "regular file 640 5:6" longer
	shows "regular file 640 5:6" end
	expect_value longer 'longer than before'
	restart_daemon
	shows "regular file 640 5:6" k
	shows "regular file 640 5:6" longer
}

test_a_foreign_overwrite_of_a_json_file_keeps_mode_and_owner() {
	mount_with '{"layers": [{"type": "file", "options": {"directory": "files"}}], "cachefs": {'"$NO_CACHE"'}}'
	keys_with_owners k edited
	printf '{"payload": "new", "expires_at": null}' >new && mv new files/k.json
	sed 's/old/newer/' files/edited.json >new && mv new files/edited.json
	wait_until 20 is_value k '"new"'
	wait_until 20 is_value edited newer
	shows "regular file 640 5:6" k
	shows "regular file 640 5:6" edited
	printf '{"payload": "next", "expires_at": null}' >new && mv new files/k.json
	wait_until 20 is_value k '"next"'
	shows "regular file 640 5:6" k
}

test_what_others_wrote_over_a_program_or_a_link_is_neither() {
	start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state", '"$NO_CACHE"'}}'
	set_value program old
	chmod 6755 "$MNT/program"
	ln -s target "$MNT/link"
	redis SET accuralai:cache:program new >/dev/null
	redis SET accuralai:cache:link /etc/passwd >/dev/null
	sql "UPDATE cache SET payload = 'new' WHERE cache_key = 'program'; UPDATE cache SET payload = '/etc/passwd' WHERE cache_key = 'link'"
	wait_until 20 is_value program new
	shows "regular file 755 $OURS" program
	shows "regular file 600 $OURS" link
	redis SHUTDOWN NOSAVE >/dev/null 2>&1 || true
	restart_daemon
	wait_until 20 is_value program new
	shows "regular file 755 $OURS" program
	shows "regular file 600 $OURS" link
}

run_tests
