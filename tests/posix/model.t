#!/bin/bash
# Thousands of random operations on a few files, compared with a local directory byte by byte
# (helpers/model.c). A failure names the seed: MODEL_SEED=... runs it again.
[ ! "${LONG:-}" ] || TEST_SECONDS=3600
. "$(dirname "$0")/../lib.sh"

model() {
	mkdir local
	"$HELPERS/model" "$MNT" local "${MODEL_OPERATIONS:-$1}" ${MODEL_SEED:-} >said || fail "$(cat said)"
	cat said >>"$LOG"
}

test_a_sequence_of_operations_does_what_it_does_locally() {
	mount_stack
	model ${LONG:+50}2000
	restart_daemon
	find local \( -name '*.tmp' -o -name '*.part' \) -empty -delete # no restart keeps empty temporary files
	diff -r local "$MNT"
}

test_working_copies_that_are_files_do_the_same() {
	mount_stack '"working_copy_heap_kb": 4' '"inline_limit_kb": 16'
	model ${LONG:+50}2000
}

run_tests
