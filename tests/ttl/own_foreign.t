#!/bin/bash
# An end that another program gave is the own end of the entry.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

changed_by_others() {
	expect_near "the mount's end" 500 "$(get_xattr k user.cachefs.expires_at)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
	echo more >>"$MNT/k"
	expect_near "the store's end after >>" 500 "$(store_end k)"
}

test_an_end_that_another_program_gave_is_the_entrys_own() {
	local at
	mount_layers "$TTL, {\"type\": \"disk\", \"options\": {\"path\": \"db.sqlite\", \"default_ttl_s\": 100}}"
	set_value k value
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; UPDATE cache SET expires_at = unixepoch() + 500 WHERE cache_key = 'k'" >/dev/null
	changed_by_others
	unmount
	rm -rf db.sqlite*
	start_redis
	mount_layers '{"type": "ttl"}, {"type": "redis", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock", "default_ttl_s": 100}}'
	set_value k value
	redis PEXPIRE accuralai:cache:k 500000 >/dev/null
	changed_by_others
	unmount
	stop_redis
	rm -rf state
	mount_layers "$TTL, {\"type\": \"file\", \"options\": {\"directory\": \"files\", \"default_ttl_s\": 100}}"
	set_value k value
	at=$(($(date +%s) + 500))
	jq ".expires_at = $at" files/k.json >k.json
	mv k.json files/k.json
	wait_until 20 eval '[[ $(get_xattr k user.cachefs.expires_at) == '"$at"'* ]]'
	changed_by_others
}

test_what_another_program_stored_without_an_end_has_none() {
	mount_layers "$TTL, $DISK"
	set_value k value
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		VALUES('theirs', 'x', NULL, unixepoch())" >/dev/null
	expect_value theirs x
	echo more >>"$MNT/theirs"
	expect_store_end theirs never ">>"
}

test_rows_of_an_earlier_version_have_ends_of_their_own() {
	sqlite3 db.sqlite "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,
		updated_at REAL NOT NULL); INSERT INTO cache VALUES('k', 'old', unixepoch() + 500, 5)"
	mount_layers "$TTL, $DISK"
	expect_value k old
	changed_by_others
}

run_tests
