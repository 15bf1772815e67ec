#!/bin/bash
# What another program wrote belongs to the owner of the mount alone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/modes.sh"

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

run_tests
