#!/bin/bash
# A temporary file that was synced outlives a crash of the daemon, in the layers.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

# What was synced is there after a crash, in the layers; before that no layer has heard of it.
survives_a_crash() {
	printf value | synced k.tmp
	chmod 640 "$MNT/k.tmp"
	setfattr -n user.colour -v red "$MNT/k.tmp"
	set_ttl k.tmp 600
	printf value | synced k.tmp notrunc
	random_file big.part 3000000
	synced big.part <big.part
	head -c 1000000 /dev/zero | tee -a big.part | synced big.part notrunc append
	set_value unsynced.tmp value
	expect "sets" 0 "$(sets)"
	local before
	before=$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")
	kill_daemon
	expect "stat" "$before" "$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")"
	expect_value k.tmp value
	expect "xattr" red "$(get_xattr k.tmp user.colour)"
	cmp big.part "$MNT/big.part"
	expect_list "" "big.part k.tmp"
	expect "sets" 2 "$(sets)"
	scratch_files_are 0 || fail "they are no entries"
	local ttl
	ttl=$(get_xattr k.tmp user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
	nothing_is_synced || fail "left: $(ls state/scratch)"
}

test_fsync_makes_a_temporary_file_outlive_a_crash_with_sqlite() {
	over "$DISK"
	survives_a_crash
}

test_fsync_makes_it_outlive_a_crash_with_files() {
	over "$FILE"
	survives_a_crash
}

test_fsync_makes_it_outlive_a_crash_with_redis() {
	start_redis
	over "$REDIS"
	survives_a_crash
}

test_fsync_makes_it_outlive_a_crash_with_write_back() {
	over "$DISK" "" '"write_strategy": "write_back"'
	survives_a_crash
}

run_tests
