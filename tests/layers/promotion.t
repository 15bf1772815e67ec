#!/bin/bash
# What a promotion does: it keeps TTL and metadata, reaches every faster layer, and never brings back an old
# value.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/strategy.sh"

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

run_tests
