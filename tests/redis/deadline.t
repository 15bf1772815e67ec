#!/bin/bash
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/proxy.sh"

# However a server fails to answer, it costs a caller one timeout, once, and then nothing until it answers again.

# In seconds. What a caller may pay is told from what twenty would have to, also on a loaded machine: two of them, not twenty.
TIMEOUT=1

# mount_proxied [FIRST_LAYER]: memory, or another, over the proxy and a database.
mount_proxied() {
	start_redis
	start_proxy
	mount_over proxy.sock "$@"
}

mount_over() {
	mount_with '{"layers": ['"${2:-"{\"type\": \"memory\"}"}"',
		{"type": "redis", "name": "shared", "options": {"unix_socket_path": "'"$1"'", "socket_timeout": '$TIMEOUT',
			"socket_connect_timeout": '$TIMEOUT'}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
	wait_until 60 layer_is shared false
}

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

set_ten() {
	local i
	for ((i = 0; i < 10; i++)); do
		set_value "k$i" "old$i"
	done
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
