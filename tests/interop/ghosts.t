#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Two mounts over one Redis: what one of them or any client removes there does not stay in the other's
# listings, and what the other may still serve does not vanish from them.

REDIS='{"type": "redis", "name": "shared", "options": {"unix_socket_path": "redis.sock"}}'
FASTER=("$MEMORY" '{"type": "lfu"}' '{"type": "ttl"}' "$MEMORY, {\"type\": \"lfu\"}"
	"$MEMORY, {\"type\": \"disk\", \"options\": {\"path\": \"NAME.sqlite\"}}"
	'{"type": "file", "options": {"directory": "NAME.files"}}')

# mount_one NAME LAYERS [MEMBERS]: with files of its own, at $TMP/NAME
mount_one() {
	local json='{"layers": ['"$2"'], "cachefs": {"state_dir": "NAME.state"}'"${3:+, $3}"'}'
	mkdir -p "$TMP/$1"
	printf '%s\n' "${json//NAME/$1}" >"$TMP/$1.json"
	"$CACHEFS" -f "$TMP/$1.json" "$TMP/$1" </dev/null >>"$LOG" 2>&1 &
	PIDS+=($!)
	at_end "fusermount3 -u -q '$TMP/$1' || fusermount3 -u -z -q '$TMP/$1'"
	wait_until 30 is_mounted "$TMP/$1"
	wait_until 30 is_up "$1"
}

is_up() {
	[[ $(jq -r '.layers[] | select(.name == "shared") | .down' "$TMP/$1/.cachefs/stats.json") = false ]]
}

# two_mounts FASTER: memory over the server at a, these layers over it at b
two_mounts() {
	PIDS=()
	mount_one a "$MEMORY, $REDIS"
	mount_one b "$1, $REDIS"
}

end_mounts() {
	fusermount3 -u "$TMP/a"
	fusermount3 -u "$TMP/b"
	wait "${PIDS[@]}"
	redis FLUSHALL >/dev/null
	rm -rf [ab].state [ab].sqlite* [ab].files
}

names() {
	ls -A "$TMP/$1" | paste -sd' '
}

names_are() {
	[[ $(names "$1") = "$2" ]]
}

is_missing() {
	! stat "$TMP/$1" >/dev/null 2>&1
}

# The sizes that ls -l shows, with the names.
sizes() {
	find "$TMP/$1" -mindepth 1 -maxdepth 1 -type f -printf '%f:%s\n' | sort | paste -sd' '
}

sizes_are() {
	[[ $(sizes "$1") = "$2" ]]
}

# b has it all in its faster layers
fill_and_read() {
	local i
	mkdir -p a/d
	for i in 1 2 3 4 5; do
		echo "value $i" >"a/d/$i"
	done
	cat b/d/* >/dev/null
}

removals_are_seen() {
	fill_and_read
	wait_until 30 names_are b/d "1 2 3 4 5"
	rm a/d/1
	wait_until 30 names_are b/d "2 3 4 5"
	redis DEL accuralai:cache:d/2 >/dev/null
	wait_until 30 names_are b/d "3 4 5"
	redis PEXPIRE accuralai:cache:d/3 1 >/dev/null
	wait_until 30 names_are b/d "4 5"
	sizes_are b/d "4:8 5:8"
	rm -r a/d
	wait_until 30 is_missing b/d/4
	[[ ! $1 = *'"memory"'* ]] || [[ $1 = *disk* ]] || wait_until 30 is_missing b/d
}

test_what_one_mount_or_a_client_removes_leaves_the_others_listings() {
	local faster
	start_redis
	for faster in "${FASTER[@]}"; do
		echo "over: $faster"
		two_mounts "$faster"
		removals_are_seen "$faster"
		end_mounts
	done
}

test_after_flushdb_no_name_is_left() {
	local i
	start_redis
	two_mounts "$MEMORY"
	mkdir b/d
	for ((i = 0; i < 500; i++)); do
		echo x >"b/d/$i"
	done
	echo x >b/k
	redis FLUSHDB >/dev/null
	wait_until 30 names_are b ""
	wait_until 30 is_missing b/d
	wait_until 30 is_missing b/k
	end_mounts
}

test_what_the_server_evicted_leaves_the_listings_of_memory() {
	local i
	start_redis
	two_mounts "$MEMORY"
	for i in 1 2 3; do
		head -c 300000 /dev/zero >"b/k$i"
	done
	expect "names" "k1 k2 k3" "$(names b)"
	redis CONFIG SET maxmemory-policy allkeys-random >/dev/null
	redis CONFIG SET maxmemory 1 >/dev/null
	redis SET other x >/dev/null 2>&1 || true
	wait_until 30 names_are b ""
	wait_until 30 is_missing b/k1
	redis CONFIG SET maxmemory 0 >/dev/null
	end_mounts
}

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
