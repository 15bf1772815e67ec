#!/bin/bash
# What a mount may still serve does not vanish from its listings when Redis loses it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/ghosts.sh"

# It may be gone from the server of its own accord: then the durable copy is served, and listed.
test_what_a_durable_layer_still_serves_stays_listed() {
	start_redis
	two_mounts "$MEMORY, {\"type\": \"disk\", \"options\": {\"path\": \"NAME.sqlite\"}}"
	mkdir b/d
	echo x >b/d/k
	redis CONFIG SET maxmemory-policy allkeys-random >/dev/null
	redis CONFIG SET maxmemory 1 >/dev/null
	redis SET other x >/dev/null 2>&1 || true
	expect "the server's keys" 0 "$(redis EXISTS accuralai:cache:d/k)"
	expect "names" k "$(names b/d)"
	expect "value" x "$(cat b/d/k)"
	expect "names" k "$(names b/d)"
	redis CONFIG SET maxmemory 0 >/dev/null
	end_mounts
}

test_while_the_server_is_away_what_others_hold_is_listed() {
	local faster
	for faster in "$MEMORY" "${FASTER[4]}"; do
		start_redis
		two_mounts "$faster"
		fill_and_read
		wait_until 30 names_are b/.cachefs/layers/memory/d "1 2 3 4 5" # promoted after the answer
		stop_redis
		expect "names" "1 2 3 4 5" "$(names b/d)"
		expect "value" "value 3" "$(cat b/d/3)"
		start_redis
		wait_until 60 is_up b
		end_mounts
		stop_redis
	done
}

test_what_the_journal_holds_is_listed_from_it() {
	start_redis
	PIDS=()
	mount_one b "$MEMORY, $REDIS" '"write_strategy": "write_back"'
	redis CLIENT PAUSE 600000 WRITE >/dev/null # it answers, and takes nothing
	mkdir b/d
	echo x >b/d/k
	expect "names" k "$(names b/d)"
	expect "names" d "$(names b)"
	expect "value" x "$(cat b/d/k)"
	redis CLIENT UNPAUSE >/dev/null
	wait_until 60 server_has d/k
	expect "names" k "$(names b/d)"
	redis DEL accuralai:cache:d/k >/dev/null
	wait_until 30 names_are b/d ""
	fusermount3 -u "$TMP/b"
	wait "${PIDS[@]}"
}

server_has() {
	[[ $(redis EXISTS "accuralai:cache:$1") = 1 ]]
}

test_ls_shows_the_size_of_what_others_set() {
	local faster
	start_redis
	for faster in "${FASTER[@]}"; do
		two_mounts "$faster"
		fill_and_read
		expect "sizes" "1:8 2:8 3:8 4:8 5:8" "$(sizes b/d)"
		echo "a longer value" >a/d/1
		redis SET accuralai:cache:d/2 short >/dev/null
		wait_until 30 sizes_are b/d "1:15 2:5 3:8 4:8 5:8"
		end_mounts
	done
}

run_tests
