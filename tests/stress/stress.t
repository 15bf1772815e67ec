#!/bin/bash
# Torn, stale, failing or falsely missing gets: none, whatever writers do (see stress.c).
TEST_SECONDS=${STRESS_SECONDS:-400}
. "$(dirname "$0")/../lib.sh"

GETS=${STRESS_GETS:-200000}

# stress DIRECTORY OPTION...: its report goes to the log too.
stress() {
	local directory=$1 rc=0
	shift
	timeout -k 5 "$TEST_SECONDS" "$HELPERS/stress" "$@" "$directory" >report 2>&1 || rc=$?
	tee -a "$LOG" <report
	[[ $rc = 0 ]] || fail "stress $* ended with $rc"
}

plain_directory() {
	PLAIN=$(mktemp -d /dev/shm/cachefs-stress.XXXXXX)
	trap 'rm -rf "$PLAIN"; tear_down' EXIT
}

test_the_checker_finds_torn_values_on_a_plain_file_system() {
	plain_directory
	stress "$PLAIN" -n 20000 --expect-torn
}

test_the_checker_accepts_what_a_plain_file_system_does_atomically() {
	plain_directory
	stress "$PLAIN" -n 20000 -g rename,unlink --by-rename
}

test_no_get_is_torn_stale_failing_or_missing() {
	mount_stack
	stress "$MNT" -n "$GETS"
}

# The kernel checks permissions then, and asks for attributes inside open(2).
test_nor_with_permissions_checked_by_the_kernel() {
	echo '{"memory": {}, "disk": {"path": "db.sqlite"}}' >cachefs.json
	start_daemon -o allow_other cachefs.json
	stress "$MNT" -n $((GETS / 4))
}

test_nor_with_values_in_memory_alone() {
	mount_with '{"type": "memory"}'
	stress "$MNT" -n $((GETS / 4))
}

test_nor_with_large_values_in_files() {
	mount_stack '"working_copy_heap_kb": 8' '"inline_limit_kb": 4'
	stress "$MNT" -n $((GETS / 4))
}

test_nor_with_evictions_forced_underneath() {
	mount_with '{"type": "memory", "options": {"max_entries": 8}}'
	stress "$MNT" -n $((GETS / 4)) --misses-ok
}

test_nor_with_expiries_forced_underneath() {
	mount_with '{"layers": [
		{"type": "memory", "options": {"default_ttl_s": 0.02}},
		{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 0.03}}]}'
	stress "$MNT" -n $((GETS / 4)) --misses-ok
}

# Each set is also open in children that exit, write or are other programs; some are begun by groups that are killed.
test_nor_with_writers_whose_children_close_and_are_killed() {
	mount_stack
	stress "$MNT" -n $((GETS / 2)) --children
}

test_nor_with_such_writers_and_values_in_files() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	stress "$MNT" -n $((GETS / 20)) --children -g truncate,rename,place,append
}

test_a_daemon_that_publishes_at_open_is_found_out() {
	[[ ${PROVE_TESTS:-} ]] || skip "tests/run --prove-tests runs it"
	with_test_switches
	CACHEFS_BREAK=publish-at-open mount_stack
	stress "$MNT" -n 20000 --expect-torn
}

run_tests
