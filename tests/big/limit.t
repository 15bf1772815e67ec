#!/bin/bash
# The database, its log and its value files keep to size_limit_mb at every instant.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/limit.sh"

test_value_files_stay_within_the_limit_at_every_instant() {
	mount_stack '' '"size_limit_mb": 24'
	local i watcher limit=$((24 * 1024 * 1024)) used
	head -c 5000000 /dev/urandom >value
	watch_store &
	watcher=$!
	for i in {1..30}; do
		cp value "$MNT/k$i"
		cmp value "$MNT/k$i"
	done
	touch stop
	wait "$watcher"
	(($(<most) <= limit)) || fail "$(<most) bytes were stored, more than $limit"
	used=$(stored_bytes)
	((used + 5000000 + 3 * 1024 * 1024 > limit)) || fail "only $used of $limit bytes are used: too much was evicted"
	cmp value "$MNT/k30"
	cmp value "$MNT/k29"
}

# Rows leave free pages in the database when files take their place, and the other way round.
test_rows_and_files_together_stay_within_the_limit() {
	mount_stack '' '"size_limit_mb": 24'
	local watcher
	head -c 600000 /dev/urandom >row
	head -c 4000000 /dev/urandom >file
	watch_store &
	watcher=$!
	set_each r 40 row
	set_each f 8 file
	set_each r 40 row
	set_each f 3 file
	touch stop
	wait "$watcher"
	expect_kept_to $((24 << 20))
	used=$(stored_bytes)
	((used > 14 << 20)) || fail "only $used bytes are used: too much was evicted"
}

test_a_smaller_limit_is_kept_to_after_a_while() {
	mount_stack '' '"size_limit_mb": 64'
	head -c 100000 /dev/urandom >row
	set_each r 400 row
	unmount
	mount_stack '' '"size_limit_mb": 8'
	wait_until 60 stores_less_than $((8 << 20))
	cmp row "$MNT/r400"
	expect_miss r1
}

test_a_value_that_fits_alone_is_never_refused() {
	mount_stack '' '"size_limit_mb": 24'
	head -c 3000000 /dev/zero >small
	head -c 19000000 /dev/zero >large
	local i
	for i in {1..5}; do
		cp small "$MNT/k$i"
	done
	cp large "$MNT/large"
	cmp large "$MNT/large"
	head -c 26000000 /dev/zero >too-large
	expect_error "File too large" cp too-large "$MNT/large"
	cmp large "$MNT/large"
}

run_tests
