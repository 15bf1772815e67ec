#!/bin/bash
# df tells no more than there is, orphans are swept, and a file in use stays readable.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=120

available() {
	df -B1 --output=avail "$1" | tail -n 1 | tr -d ' '
}

test_df_tells_no_more_than_the_file_system_has() {
	small_disk 16
	local type
	for type in '"type": "disk", "options": {"path": "store/db.sqlite", "size_limit_mb": 10240}' \
		'"type": "disk", "options": {"path": "store/db2.sqlite"}' \
		'"type": "file", "options": {"directory": "store/files"}'; do
		mount_with "{$type}"
		set_value k v
		(($(available "$MNT") <= $(available store))) ||
			fail "$(available "$MNT") bytes are told to be available, $(available store) are: $type"
		(($(df -B1 --output=used "$MNT" | tail -n 1) < 16 << 20)) || fail "used: $(df "$MNT")"
		unmount
	done
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
