#!/bin/bash
# What another program writes over an entry keeps its mode and owner.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/modes.sh"

is_value() {
	[[ $(cat "$MNT/$1" 2>/dev/null) = "$2" ]]
}

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
