#!/bin/bash
# A file keeps its identity over a restart and a rename; invalidate reaches keys without a name.
. "$(dirname "$0")/../lib.sh"

test_the_identity_of_a_foreign_entry_is_the_same_after_a_restart() {
	mount_stack
	sql "INSERT INTO cache(cache_key, payload, expires_at, updated_at) VALUES('k', 'x', NULL, 1), ('d/k', 'x', NULL, 1)"
	local before
	before=$(stat -c '%n %i' "$MNT/k" "$MNT/d" "$MNT/d/k")
	restart_daemon
	expect identities "$before" "$(stat -c '%n %i' "$MNT/k" "$MNT/d" "$MNT/d/k")"
	expect "different ones" 4 "$(stat -c %i "$MNT" "$MNT/k" "$MNT/d" "$MNT/d/k" | sort -u | wc -l)"
}

test_the_identity_of_a_file_is_kept_and_moves_with_it() {
	mount_stack
	set_value k value
	mkdir "$MNT/d"
	local ino dir
	ino=$(stat -c %i "$MNT/k") dir=$(stat -c %i "$MNT/d")
	echo more >>"$MNT/k"
	truncate -s 3 "$MNT/k"
	expect "after writing in place" "$ino" "$(stat -c %i "$MNT/k")"
	mv "$MNT/k" "$MNT/d/k"
	mv "$MNT/d" "$MNT/e"
	expect "after renames" "$ino $dir" "$(stat -c %i "$MNT/e/k" "$MNT/e" | paste -sd' ')"
	restart_daemon
	expect "after a restart" "$ino $dir" "$(stat -c %i "$MNT/e/k" "$MNT/e" | paste -sd' ')"
	set_value new value
	local new
	new=$(stat -c %i "$MNT/new")
	mv "$MNT/new" "$MNT/e/k"
	expect "after a replacement" "$new" "$(stat -c %i "$MNT/e/k")"
	rm "$MNT/e/k"
	set_value e/k again
	[[ $(stat -c %i "$MNT/e/k") != @("$ino"|"$new") ]] || fail "a new file has an old identity"
}

test_invalidate_everything_reaches_keys_that_have_no_name() {
	mount_stack
	sql "INSERT INTO cache(cache_key, payload, updated_at) VALUES('x' || hex(zeroblob(2500)), 'long', 1),
		('only/' || hex(zeroblob(2500)), 'long below', 1), ('d/k', 'short', 1), ('d/' || hex(zeroblob(2500)), 'long', 1),
		('', 'empty', 1), (CAST('blob' AS BLOB), 'text as bytes', 1), ('k', 'v', 1)"
	expect_value k v
	set_ttl . 900
	control 'invalidate d'
	expect "below d" 0 "$(sql "SELECT count(*) FROM cache WHERE cache_key LIKE 'd/%'")"
	expect "others" 5 "$(sql "SELECT count(*) FROM cache")"
	control 'invalidate /'
	expect "rows" 0 "$(sql "SELECT count(*) FROM cache")"
	expect_list "" ""
	set_value k again
	expect_value k again
	expect "the root's own TTL" 900 "$(get_xattr . user.cachefs.ttl)"
}

test_invalidate_everything_reaches_long_keys_in_redis() {
	local i long
	long=$(printf 'x%.0s' {1..5000})
	start_redis
	mount_redis
	for i in {1..30}; do redis SET "accuralai:cache:$i$long" v >/dev/null; done
	redis SET "accuralai:cache:d/$long" v >/dev/null
	redis SET accuralai:cache: empty >/dev/null
	redis SET "other:$long" v >/dev/null
	set_value k v
	control 'invalidate /'
	expect "keys left" 1 "$(redis --raw KEYS '*' | grep -vc ^cachefs:)"
	set_value k again
	expect_value k again
}

run_tests
