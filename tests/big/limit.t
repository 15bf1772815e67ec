#!/bin/bash
# Value files count in size_limit_mb at every instant; orphans are swept; a file in use stays readable.
. "$(dirname "$0")/../lib.sh"

# What is named in the store, with the log, in bytes.
stored_bytes() {
	find "$TMP"/db.sqlite* -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'
}

watch_store() {
	local most=0 now
	while [[ ! -e $TMP/stop ]]; do
		now=$(stored_bytes)
		((now <= most)) || { most=$now; echo "$most" >"$TMP/most"; }
	done
}

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

orphans_are_gone() {
	[[ $(find db.sqlite.values -type f | wc -l) = "$1" ]]
}

test_orphans_of_a_killed_daemon_are_swept_and_files_in_use_stay() {
	mount_stack
	random_file value 2000000
	cp value "$MNT/kept"
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	fusermount3 -u -z "$MNT"
	# what a daemon leaves that is killed between naming a file and its commit
	local i
	for i in {1..150}; do
		echo orphan >"db.sqlite.values/$(printf '%016x' "$i")"
	done
	echo mine >db.sqlite.values/not-a-value
	start_daemon "$TMP/cachefs.json"
	open_reader r kept
	wait_until 20 orphans_are_gone 2
	cmp value "$MNT/kept"
	expect "a file that is no value" mine "$(<db.sqlite.values/not-a-value)"
	rm "$MNT/kept"
	wait_until 20 orphans_are_gone 1
	tell r pread 1999990 10
}

test_a_damaged_value_file_of_any_size_is_a_miss() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	local file
	random_file value 40000000
	cp value "$MNT/k"
	cmp value "$MNT/k"
	unmount
	file=$(find db.sqlite.values -type f)
	printf 'damage' | dd of="$file" bs=1 seek=33000000 conv=notrunc status=none
	start_daemon "$TMP/cachefs.json"
	expect_miss k
	grep -q 'wrong checksum of "k"' "$LOG"
	cp value "$MNT/k"
	cmp value "$MNT/k"
	file=$(find db.sqlite.values -type f)
	printf 'damage' | dd of="$file" bs=1 seek=33000000 conv=notrunc status=none
	wait_until 20 is_refused k # seen by the change of the file, without a restart
}

is_refused() {
	! cat "$MNT/$1" >/dev/null 2>&1
}

run_tests
