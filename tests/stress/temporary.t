#!/bin/bash
# Temporary files of every fate (helpers/temporary.py): some thousands, a million with LONG=1. What was
# closed, is not empty and was not removed is there after an orderly restart, and nothing else; what
# belongs to no layer stays within its bounds.
[ ! "${LONG:-}" ] || TEST_SECONDS=7200
. "$(dirname "$0")/../lib.sh"

COUNT=${TEMPORARY_COUNT:-${LONG:+1000000}}
COUNT=${COUNT:-3000}
WRITERS=4

temporary() {
	python3 -ES "$ROOT/tests/helpers/temporary.py" "$@"
}

# Whether the writers go on; what belongs to no layer has its bounds meanwhile.
writers_are_done() {
	local pid
	(($(stat_of .memory.scratch_files) <= 65536)) || fail "$(stat_of .memory.scratch_files) temporary files"
	(($(stat_of '.unowned.pending_bytes') <= 30000000)) || fail "$(stat_of .unowned) is over pending_max_bytes"
	for pid; do
		has_ended "$pid" || return 1
	done
}

# fates LAYER [MEMBERS]
fates() {
	local i pids=() seed=${TEMPORARY_SEED:-$RANDOM}
	echo "seed $seed" >>"$LOG"
	mount_with '{"layers": [{"type": "memory"}, '"$1"'], "cachefs": {"state_dir": "state", "scratch_publish_s": 0.5,
		"pending_max_bytes": 30000000}'"${2:-}"'}'
	for ((i = 0; i < WRITERS; i++)); do
		mkdir "$MNT/$i"
		temporary make "$MNT/$i" "$i" "$((COUNT / WRITERS))" "$((seed + i))" >"model$i" 2>"said$i" &
		pids+=($!)
	done
	wait_until "$((TEST_SECONDS - 60))" writers_are_done "${pids[@]}"
	for ((i = 0; i < WRITERS; i++)); do
		wait "${pids[i]}" || fail "seed $seed: $(tail -n 1 "said$i")"
	done
	ttl_passes 0.3
	restart_daemon
	for ((i = 0; i < WRITERS; i++)); do
		temporary look "$MNT/$i" <"model$i" 2>said || fail "seed $seed: $(<said)"
	done
	[[ $(stat_of .memory.scratch_files) = 0 ]] || fail "$(stat_of .memory.scratch_files) temporary files after the restart"
	[[ -z $(ls -A state/scratch 2>/dev/null) ]] || fail "left below state_dir: $(ls state/scratch | head -n 3)"
	! grep -E "lost|dropped" "$LOG" || fail "some were lost"
}

test_temporary_files_of_every_fate_with_sqlite() {
	fates '{"type": "disk", "options": {"path": "db.sqlite"}}'
}

test_temporary_files_of_every_fate_with_files() {
	COUNT=$((COUNT / 4))
	fates '{"type": "file", "options": {"directory": "files"}}'
}

test_temporary_files_of_every_fate_with_write_back() {
	COUNT=$((COUNT / 4))
	fates '{"type": "disk", "options": {"path": "db.sqlite"}}' ', "write_strategy": "write_back"'
}

run_tests
