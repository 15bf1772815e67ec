#!/bin/bash
# kill -9 of the daemon under load: what was acknowledged is there, whole (see kill.c).
TEST_SECONDS=${KILL_SECONDS:-400}
. "$(dirname "$0")/../lib.sh"

# kill_under_load STRATEGY KILLS OPTION...
kill_under_load() {
	local rc=0 strategy=$1 kills=$2
	shift 2
	printf '%s\n' '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "'"$strategy"'", "cachefs": {"state_dir": "state"}}' >cachefs.json
	timeout -k 5 "$TEST_SECONDS" "$HELPERS/kill" -k "$kills" -l "$LOG" "$@" \
		"$CACHEFS" "$TMP/cachefs.json" "$MNT" >report 2>&1 || rc=$?
	tee -a "$LOG" <report
	[[ $rc = 0 ]] || fail "kill $* ended with $rc"
}

test_what_was_acknowledged_survives_the_death_of_the_daemon() {
	kill_under_load write_through "${KILLS:-30}"
}

test_what_write_back_acknowledged_survives_it_too() {
	local kills=$((${KILLS:-30} / 3 + 1))
	[[ ! ${LONG:-} ]] || kills=$((${KILLS:-300} * 2 / 3))
	kill_under_load write_back "$kills"
}

# Children of the writers inherit what is open, and groups of writers are killed themselves.
test_no_half_of_what_children_write_survives_it() {
	kill_under_load write_through $((${KILLS:-30} / 2 + 1)) --children
}

test_a_daemon_that_acknowledges_before_the_commit_is_found_out() {
	[[ ${PROVE_TESTS:-} ]] || skip "tests/run --prove-tests runs it"
	with_test_switches
	CACHEFS_BREAK=ack-before-commit kill_under_load write_through "${KILLS:-30}" --expect-red
}

run_tests
