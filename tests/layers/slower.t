#!/bin/bash
# What a slower layer evicts or misses stays in a durable layer above it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/strategy.sh"

test_touch_is_a_use_for_the_disk_layer() {
	mount_layers '{"type": "disk", "name": "slow", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	local i
	for i in a b c d; do
		head -c 100000 /dev/urandom >"$MNT/$i"
	done
	expect_list "" "a b c d"
	touch "$MNT/a"
	for i in e f g; do
		head -c 100000 /dev/urandom >"$MNT/$i"
	done
	test -e "$MNT/a" || fail "a was evicted: $(ls "$MNT" | paste -sd' ')"
	! test -e "$MNT/b" || fail "b was not evicted: $(ls "$MNT" | paste -sd' ')"
}

# evicting_below LAYER: a durable layer without limit over one that holds little
evicting_below() {
	mount_with '{"layers": [{"type": "disk", "name": "a", "options": {"path": "a.sqlite"}}, '"$1"'],
		"cachefs": {"state_dir": "state"}}'
	local i
	for i in 1 2 3 4 5 6 7 8; do
		letters value "$i" 200000
		cp value "$MNT/k$i"
	done
	expect "layers of the oldest" a "$(get_xattr k1 user.cachefs.layers)"
	for i in 1 2 3 4 5 6 7 8; do
		letters value "$i" 200000
		cmp value "$MNT/k$i"
	done
	letters value 1 200000
	mv "$MNT/k1" "$MNT/k8" # over one that the slower layer has
	cmp value "$MNT/k8"
	cmp value "$MNT/k8"
}

test_what_a_slower_layer_evicts_stays_in_a_durable_one_above() {
	evicting_below '{"type": "disk", "name": "b", "options": {"path": "b.sqlite", "size_limit_mb": 1}}'
}

test_what_a_slower_layer_of_files_evicts_stays_in_a_durable_one_above() {
	evicting_below '{"type": "file", "options": {"directory": "files", "max_files": 3}}'
}

# Another program holds the slower database for too long: it misses what is changed meanwhile.
test_what_a_slower_layer_missed_stays_in_a_durable_one_above() {
	mount_with '{"layers": [{"type": "disk", "name": "a", "options": {"path": "a.sqlite"}},
		{"type": "disk", "name": "b", "options": {"path": "b.sqlite"}}], "cachefs": {"state_dir": "state"}}'
	set_value old value
	set_value over x
	set_value k value
	coproc sqlite3 b.sqlite
	echo 'BEGIN IMMEDIATE;' >&"${COPROC[1]}"
	echo 'SELECT 1;' >&"${COPROC[1]}"
	read -r -t 20 <&"${COPROC[0]}"
	mv "$MNT/old" "$MNT/over" &
	chmod 600 "$MNT/k" &
	wait "$!" && wait -n || true
	echo 'COMMIT;' >&"${COPROC[1]}"
	echo '.quit' >&"${COPROC[1]}"
	wait_until 20 layer_is_told b
	expect_value over value
	expect_value k value
	expect_absent old
}

run_tests
