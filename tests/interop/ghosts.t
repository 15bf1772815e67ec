#!/bin/bash
# What one of two mounts over one Redis removes does not stay in the listings of the other.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/ghosts.sh"

is_missing() {
	! stat "$TMP/$1" >/dev/null 2>&1
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

run_tests
