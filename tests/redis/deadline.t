#!/bin/bash
# A server that fails to answer costs one caller one timeout, and then nothing until it answers again.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/proxy.sh"
. "$(dirname "$0")/deadline.sh"

# How often calls have waited in vain, by the time that the layer has spent in them.
waits() {
	jq '[.layers[] | select(.name == "shared").calls[].seconds] | add / '$TIMEOUT' | floor' "$MNT/.cachefs/stats.json"
}

# The mount with a server that does not answer in time: one caller waits, nobody afterwards, nothing fails. What was
# set before is in k0 to k9.
expect_one_wait() {
	local i start spent
	start=$(now_ms)
	for ((i = 0; i < 10; i++)); do
		set_value "k$i" "new$i"
		expect_value "k$i" "new$i"
	done
	expect_miss absent
	rm "$MNT/k9"
	ls "$MNT" >/dev/null
	spent=$(($(now_ms) - start))
	((spent < 2000 * TIMEOUT + 15000)) || fail "twenty operations took $spent ms"
	expect down true "$(layer_stat shared down)"
	(($(waits) <= 2)) || fail "$(waits) calls waited"
	[[ $(layer_stat shared tombstones) -ge 1 ]] || fail "nothing is noted to be told"
}

# It answers again: it has been told what it missed, or does not hold it.
expect_recovery() {
	wait_until 60 layer_is shared false
	wait_until 60 layer_is_told shared
	local i
	for i in 0 4 8; do
		expect_value "k$i" "new$i"
		expect_theirs_not_older "k$i" "new$i"
	done
	expect_absent k9
	expect "k9 in the server" 0 "$(redis EXISTS accuralai:cache:k9)"
	set_value after value
	expect "cache-get" value "$(redis cache-get after)"
}

test_a_stopped_server_is_waited_for_once() {
	start_redis
	mount_over redis.sock
	set_ten
	stop_process "$REDIS_PID"
	expect_one_wait
	[[ $(layer_stat shared trouble) == *"timed out after $TIMEOUT s"* ]] || fail "trouble: $(layer_stat shared trouble)"
	kill -CONT "$REDIS_PID"
	expect_recovery
}

# A deadline of each read alone would be met by every single byte.
test_a_server_that_trickles_is_waited_for_once() {
	mount_proxied
	set_ten
	proxy_is trickle
	expect_one_wait
	proxy_is pass
	expect_recovery
}

nobody_is_accepted() {
	! timeout 1 redis-cli -s proxy.sock PING >/dev/null 2>&1
}

test_a_server_that_does_not_accept_is_waited_for_once() {
	mount_proxied
	set_ten
	proxy_is deaf
	wait_until 20 nobody_is_accepted # it looks every now and then what it is
	redis CLIENT KILL TYPE normal SKIPME yes >/dev/null
	expect_one_wait
	proxy_is pass
	expect_recovery
}

test_a_server_that_goes_away_in_the_middle_of_its_answers_is_not_waited_for() {
	mount_proxied
	set_ten
	proxy_is cut
	expect_one_wait
	proxy_is pass
	expect_recovery
}

# Its database takes a while to read: half a second for each key, until the test is done with it.
test_a_server_that_loads_its_database_is_away() {
	start_redis
	mount_over redis.sock
	set_ten
	local i pads=()
	for ((i = 0; i < 40; i++)); do
		pads+=("pad$i" "$(head -c 1500 /dev/urandom | base64 -w 0)")
	done
	redis MSET "${pads[@]}" >/dev/null
	redis SAVE >/dev/null
	stop_redis
	redis-server --port 0 --unixsocket "$TMP/redis.sock" --dir "$TMP" --save "" --key-load-delay 500000 \
		--loading-process-events-interval-bytes 1024 </dev/null >>"$TMP/redis.log" 2>&1 &
	REDIS_PID=$!
	echo "$REDIS_PID" >"$TMP/.redis"
	wait_until 60 it_is_loading
	expect_one_wait
	wait_until 60 its_trouble_is_told # by a probe that is answered at all, between two of its keys
	redis CONFIG SET key-load-delay 0 >/dev/null
	expect_recovery
}

its_trouble_is_told() {
	[[ $(layer_stat shared trouble) == *LOADING* ]]
}

it_is_loading() {
	redis PING 2>&1 | grep -q LOADING
}

run_tests
