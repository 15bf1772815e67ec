#!/bin/bash
# Two daemons over one store and a foreign program change things at random; then all is quiet, and both
# show what the store holds (helpers/shared.py): 0 wrong values, sizes or ends, no ghost, no name missing.
# SHARED_SECONDS: for each store
SHARED_SECONDS=${SHARED_SECONDS:-${LONG:+600}}
SHARED_SECONDS=${SHARED_SECONDS:-15}
TEST_SECONDS=$((SHARED_SECONDS * 2 + 300))
. "$(dirname "$0")/../lib.sh"

# two_mounts LAYERS: at $MNT and $TMP/other, with states of their own
two_mounts() {
	local json='{"layers": ['"$1"'], "cachefs": {"state_dir": "STATE"}}'
	mount_with "${json/STATE/state}"
	printf '%s\n' "${json/STATE/state2}" >other.json
	mkdir other
	"$CACHEFS" -f other.json "$TMP/other" </dev/null >>"$LOG" 2>&1 &
	at_end "fusermount3 -u -q '$TMP/other' || fusermount3 -u -z -q '$TMP/other'"
	wait_until 30 is_mounted "$TMP/other"
}

# both_show_what_it_holds KIND STORE
both_show_what_it_holds() {
	local rc=0
	python3 -ES "$ROOT/tests/helpers/shared.py" "$1" "$2" "$MNT" "$TMP/other" "$SHARED_SECONDS" ${SEED:-} >report 2>&1 || rc=$?
	sed 's/^/shared: /' report >>"$LOG"
	[[ $rc = 0 ]] || fail "$(tail -n 12 report)"
}

test_two_daemons_and_a_client_at_one_redis_agree() {
	start_redis
	two_mounts '{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}'
	both_show_what_it_holds redis redis.sock
}

test_two_daemons_and_a_program_at_one_database_agree() {
	two_mounts '{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}'
	both_show_what_it_holds sqlite db.sqlite
}

run_tests
