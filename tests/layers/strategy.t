#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# mount_layers "LAYER,LAYER" [MEMBERS]
mount_layers() {
	mount_with '{"layers": ['"$1"']'"${2:+, $2}"'}'
}

MEMORY='{"type": "memory", "name": "fast"}'
DISK='{"type": "disk", "name": "slow", "options": {"path": "db.sqlite"}}'

layers_of() {
	get_xattr "$1" user.cachefs.layers
}

expect_layers() {
	expect "layers of $1" "$2" "$(layers_of "$1")"
}

is_in_layers() {
	[[ $(layers_of "$1") = "$2" ]]
}

# A key that only the slow layer has: put there by a restart.
only_below() {
	set_value "$1" "$2"
	restart_daemon
	expect_layers "$1" slow
}

test_always_promotes_with_the_first_get() {
	mount_layers "$MEMORY, $DISK"
	only_below k value
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
	expect promotions 1 "$(layer_stat fast promotions)"
	expect_value k value
	expect "hits of the fast layer" 1 "$(layer_stat fast hits)"
}

test_never_promotes_not() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "never"'
	only_below k value
	local i
	for i in 1 2 3; do
		expect_value k value
	done
	expect_layers k slow
}

test_frequency_based_promotes_when_the_gets_reach_the_threshold() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based", "promotion_threshold": 3'
	only_below k value
	expect_value k value
	expect_value k value
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_counts_survive_a_restart() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based"'
	only_below k value
	expect_value k value
	restart_daemon
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_counts_survive_an_overwrite() {
	mount_layers "$MEMORY, $DISK" '"promotion_strategy": "frequency_based", "write_strategy": "write_around",
		"promotion_threshold": 3'
	set_value k one
	expect_value k one
	expect_value k one
	set_value k two
	expect_layers k slow
	expect_value k two
	wait_until 10 is_in_layers k fast,slow
	rm "$MNT/k"
	set_value k three
	expect_value k three
	expect_value k three
	expect_layers k slow
	echo four >"$MNT/k.tmp"
	mv "$MNT/k.tmp" "$MNT/k"
	expect_layers k slow
	expect_value k four
	wait_until 10 is_in_layers k fast,slow
}

test_frequency_based_promotes_from_a_layer_that_keeps_no_hits() {
	start_redis
	mount_layers "$MEMORY, "'{"type": "redis", "name": "slow", "options": {"unix_socket_path": "redis.sock"}}' \
		'"promotion_strategy": "frequency_based"'
	only_below k value
	expect_value k value
	expect_layers k slow
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
}

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

test_promote_on_hit_false_is_never() {
	mount_with '{"type": "layered", "options": {"memory": {}, "disk": {"path": "db.sqlite"}, "promote_on_hit": false}}'
	set_value k value
	restart_daemon
	expect_value k value
	expect_value k value
	expect_layers k disk
}

test_a_look_promotes_nothing() {
	mount_layers "$MEMORY, $DISK"
	only_below k value
	stat "$MNT/k" >/dev/null
	ls -l "$MNT" >/dev/null
	get_xattr k user.cachefs.ttl
	find "$MNT" -size +1 >/dev/null
	expect_layers k slow
}

test_a_promotion_keeps_ttl_and_metadata() {
	mount_layers "$MEMORY, $DISK"
	set_value k value
	chmod 640 "$MNT/k"
	setfattr -n user.colour -v red "$MNT/k"
	touch -d '2003-04-05 06:07:08.123456789 UTC' "$MNT/k"
	set_ttl k 1000
	restart_daemon
	local before
	before=$(stat -c '%a %u %g %i %.9Y %s' "$MNT/k")
	expect_value k value
	wait_until 10 is_in_layers k fast,slow
	expect metadata "$before" "$(stat -c '%a %u %g %i %.9Y %s' "$MNT/k")"
	expect attribute red "$(get_xattr k user.colour)"
	[[ $(get_xattr k user.cachefs.ttl) == [0-9][0-9][0-9].* ]] || fail "ttl is $(get_xattr k user.cachefs.ttl)"
	set_ttl k 0.2
	wait_until 10 is_gone k
	expect_absent k
}

test_a_promotion_reaches_every_faster_layer() {
	mount_layers "$MEMORY, {\"type\": \"lfu\", \"name\": \"middle\"}, $DISK"
	only_below k value
	expect_value k value
	wait_until 10 is_in_layers k fast,middle,slow
}

test_a_promotion_never_brings_back_what_was_changed_meanwhile() {
	local i j pids
	mount_layers "{\"type\": \"memory\", \"name\": \"fast\", \"options\": {\"max_entries\": 1}}, $DISK"
	set_value other x
	for ((i = 0; i < 30; i++)); do
		set_value k "value $i"
		set_value other x
		pids=()
		for j in 1 2 3; do
			cat "$MNT/k" >/dev/null 2>&1 &
			pids+=($!)
		done
		if ((i % 2)); then
			rm "$MNT/k"
			wait "${pids[@]}" || true
			expect_miss k
		else
			set_value k "newer $i"
			wait "${pids[@]}" || true
			expect_value k "newer $i"
		fi
	done
}

test_write_through_writes_every_layer() {
	mount_layers "$MEMORY, $DISK" '"write_strategy": "write_through"'
	set_value k value
	expect_layers k fast,slow
}

test_write_around_writes_all_but_the_fastest() {
	mount_layers "$MEMORY, {\"type\": \"lfu\", \"name\": \"middle\"}, $DISK" \
		'"write_strategy": "write_around", "promotion_strategy": "never"'
	set_value k value
	expect_layers k middle,slow
	expect_value k value
}

test_write_around_drops_the_copy_of_the_fastest() {
	mount_layers "$MEMORY, $DISK" '"write_strategy": "write_around"'
	set_value k old
	expect_value k old
	wait_until 10 is_in_layers k fast,slow
	set_value k new
	expect_layers k slow
	expect_value k new
	printf more >>"$MNT/k"
	expect_value k newmore
}

test_write_around_writes_a_single_layer() {
	mount_layers "$MEMORY" '"write_strategy": "write_around"'
	set_value k value
	expect_value k value
	expect_layers k fast
}

test_write_around_over_layers_that_are_all_durable() {
	mount_layers "${DISK//slow/quick}, ${DISK//db/db2}" \
		'"write_strategy": "write_around", "promotion_strategy": "never"'
	set_value k value
	expect_layers k slow
	restart_daemon
	expect_value k value
}

test_write_around_keeps_the_only_durable_layer() {
	mount_layers "$DISK, $MEMORY" '"write_strategy": "write_around"'
	set_value k value
	expect_layers k slow,fast
	grep -q 'only durable' "$LOG"
}

test_a_layer_that_cannot_take_a_value_passes_it_on_and_drops_its_old_one() {
	mount_layers "{\"type\": \"memory\", \"name\": \"fast\", \"options\": {\"max_bytes\": 10000}}, $DISK"
	set_value k old
	expect_layers k fast,slow
	random_file value 20000
	cat value >"$MNT/k"
	expect_layers k slow
	cmp value "$MNT/k"
	cmp value "$MNT/k"
	expect_layers k slow
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

test_the_threshold_is_in_the_effective_configuration() {
	mount_layers "$MEMORY, $DISK" '"promotion_threshold": 5'
	expect threshold 5 "$(jq .promotion_threshold "$MNT/.cachefs/config.json")"
}

run_tests
