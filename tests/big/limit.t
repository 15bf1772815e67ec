#!/bin/bash
# The database, its log and value files keep to size_limit_mb at every instant, and become smaller when
# there is less in them; df tells no more than there is; orphans are swept; a file in use stays readable.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=120

# What is named in the store, with the log, in bytes.
stored_bytes() {
	find "$TMP"/db.sqlite* -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'
}

watch_store() {
	local most=0 now again
	while [[ ! -e $TMP/stop ]]; do
		now=$(stored_bytes)
		((now <= most)) || { # a look takes time: it may add a file of before a change to one of after it
			again=$(stored_bytes)
			((again >= now)) || now=$again
		}
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

expect_kept_to() {
	(($(<most) <= $1)) || fail "$(<most) bytes were stored, more than $1"
}

# set_each NAME COUNT FILE: the last one is there
set_each() {
	local i
	for ((i = 1; i <= $2; i++)); do
		cp "$3" "$MNT/$1$i"
	done
	cmp "$3" "$MNT/$1$2"
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

stores_less_than() {
	(($(stored_bytes) < $1))
}

test_the_store_becomes_smaller_when_its_entries_go() {
	mount_stack '' '"size_limit_mb": 64'
	head -c 600000 /dev/urandom >row
	mkdir "$MNT/d"
	set_each d/r 40 row
	set_value kept v
	(($(stored_bytes) > 20 << 20)) || fail "only $(stored_bytes) bytes for 24 MB"
	rm "$MNT"/d/r?
	control 'invalidate d/'
	wait_until 60 stores_less_than $((9 << 20)) # the log keeps its eighth
	expect_value kept v
	unmount
	stores_less_than 1000000 || fail "$(stored_bytes) bytes for one small value"
}

test_the_store_becomes_smaller_without_a_limit_too() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	head -c 600000 /dev/urandom >row
	mkdir "$MNT/d"
	set_each d/r 60 row
	rm -r "$MNT/d"
	wait_until 60 stores_less_than $((18 << 20))
}

# A database of before, all of it free pages, as a program makes it that knows nothing of us.
old_database() {
	sqlite3 db.sqlite >/dev/null "PRAGMA auto_vacuum=NONE; PRAGMA journal_mode=WAL;
		CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL, updated_at REAL NOT NULL);
		CREATE TABLE gone(bytes); INSERT INTO gone VALUES(zeroblob($1)); DROP TABLE gone;
		INSERT INTO cache VALUES('old', 'value', NULL, 1);"
}

test_an_old_database_that_cannot_become_smaller_keeps_to_the_limit() {
	old_database 17000000
	mount_stack '' '"size_limit_mb": 24'
	local watcher
	head -c 2000000 /dev/urandom >file
	watch_store &
	watcher=$!
	expect_value old value
	set_each f 20 file
	cmp file "$MNT/f19"
	touch stop
	wait "$watcher"
	expect_kept_to $((24 << 20))
}

test_vacuum_on_start_makes_an_old_database_one_that_becomes_smaller() {
	old_database 17000000
	mount_stack '' '"size_limit_mb": 24, "vacuum_on_start": true'
	expect_value old value
	stores_less_than 1000000 || fail "$(stored_bytes) bytes for one small value"
	expect auto_vacuum 2 "$(sqlite3 db.sqlite 'PRAGMA auto_vacuum')"
	restart_daemon
	expect_value old value
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
