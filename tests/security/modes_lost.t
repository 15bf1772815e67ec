#!/bin/bash
# An entry whose metadata were lost closes, it never opens.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/modes.sh"

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

run_tests
