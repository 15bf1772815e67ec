#!/bin/bash
# One deadline holds for a call of many round trips, and for many callers at once.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/proxy.sh"
. "$(dirname "$0")/deadline.sh"

# A part of a listing is many round trips: each a skip over a directory.
test_a_listing_of_many_round_trips_has_one_deadline() {
	mount_proxied '{"type": "noop"}'
	local i start spent sets=()
	for ((i = 0; i < 40; i++)); do
		sets+=("accuralai:cache:d$i/k" value)
	done
	redis MSET "${sets[@]}" >/dev/null
	wait_until 60 has_directories 40
	proxy_is trickle
	start=$(now_ms)
	ls "$MNT" >/dev/null
	spent=$(($(now_ms) - start))
	((spent < 1000 * TIMEOUT + 15000)) || fail "the listing took $spent ms"
	expect down true "$(layer_stat shared down)"
}

has_directories() {
	[[ $(ls "$MNT" | wc -l) = "$1" ]]
}

# Those who wait for a connection are those who find out that there is none.
test_many_callers_wait_at_once_and_not_one_after_the_other() {
	start_redis
	mount_over redis.sock
	set_ten
	stop_process "$REDIS_PID"
	local i start spent pids=()
	start=$(now_ms)
	for ((i = 0; i < 60; i++)); do
		printf value >"$MNT/parallel$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	spent=$(($(now_ms) - start))
	((spent < 1000 * TIMEOUT + 15000)) || fail "sixty sets at once took $spent ms"
	kill -CONT "$REDIS_PID"
	wait_until 60 layer_is shared false
	wait_until 60 layer_is_told shared
	expect_value parallel59 value
}

run_tests
