#!/bin/bash
# Locks of shell scripts: noclobber, flock, and what is refused.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

test_of_8_racing_shells_one_wins_a_noclobber_lock() {
	local round i
	mount_for_programs
	for round in 1 2 3 4 5; do
		for i in 1 2 3 4 5 6 7 8; do
			bash -c 'set -C; until [[ -e go.$2 ]]; do :; done; echo "$1" 2>/dev/null >"$3/lock.$2"' \
				- "$i" "$round" "$MNT" 2>/dev/null && echo "$i" >>"won.$round" &
		done
		: >"go.$round"
		wait $(jobs -p | grep -vx "$DAEMON_PID") || true
		expect "winners of round $round" 1 "$(wc -l <"won.$round")"
		expect_value "lock.$round" "$(<"won.$round")"
	done
}

test_flock_makes_a_counter_exact() {
	local i pids=()
	mount_for_programs
	echo 0 >"$MNT/counter"
	for i in 1 2 3 4; do
		for _ in {1..15}; do
			flock "$MNT/lock" sh -c 'n=$(cat "$1/counter"); echo $((n + 1)) >"$1/counter"' - "$MNT"
		done &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_value counter 60
}

test_flock_on_a_descriptor_excludes_and_ends_with_its_holder() {
	mount_for_programs
	(flock 9 && echo held >told && exec sleep 100) 9>"$MNT/lock" &
	local holder=$!
	wait_until 20 test -s told
	! flock -n "$MNT/lock" true
	kill -9 "$holder"
	wait "$holder" 2>/dev/null || true
	flock -w 20 "$MNT/lock" echo free >answer
	expect answer free "$(<answer)"
}

test_a_fifo_a_device_and_a_hard_link_are_refused_cleanly() {
	mount_for_programs
	set_value k v
	expect_error "Operation not permitted" mkfifo "$MNT/fifo"
	expect_error "Operation not permitted" mknod "$MNT/device" c 1 3
	expect_error "Operation not permitted" ln "$MNT/k" "$MNT/other"
	expect_list "" k
}

run_tests
