#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# write_back: memory over disk, the journal in $TMP/state.
mount_write_back() {
	mount_with '{"layers": [{"type": "memory"'"${2:+, $2}"'}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 1'"${1:+, $1}"'}}'
}

# Another program holds the database's lock, so the disk layer takes nothing: lock_disk ... unlock_disk
lock_disk() {
	coproc LOCKER { python3 -c '
import sqlite3, sys
db = sqlite3.connect("db.sqlite", isolation_level=None, timeout=20)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")'; }
	read -r word <&"${LOCKER[0]}"
	expect locker locked "$word"
}

unlock_disk() {
	echo >&"${LOCKER[1]}"
	wait "$LOCKER_PID"
}

stored() {
	sqlite3 db.sqlite "SELECT CAST(payload AS TEXT) FROM cache WHERE cache_key = '$1'"
}

test_a_set_arrives_in_the_slower_layer() {
	mount_write_back
	set_value k v
	expect_value k v
	wait_until 20 is_drained
	expect stored v "$(stored k)"
	expect layers memory,disk "$(getfattr --only-values -n user.cachefs.layers "$MNT/k")"
}

test_close_does_not_wait_for_the_slower_layer() {
	mount_write_back
	set_value k old
	wait_until 20 is_drained
	lock_disk
	set_value k new
	set_value l v
	expect_value k new
	expect entries 2 "$(journal entries)"
	expect layers memory,journal "$(getfattr --only-values -n user.cachefs.layers "$MNT/l")"
	expect stored old "$(stored k)"
	unlock_disk
	wait_until 20 is_drained
	expect stored new "$(stored k)"
}

test_what_the_fast_layer_evicts_is_read_from_the_journal() {
	mount_write_back '' '"options": {"max_entries": 1}'
	lock_disk
	for i in 1 2 3 4 5; do set_value "k$i" "v$i"; done
	for i in 1 2 3 4 5; do expect_value "k$i" "v$i"; done
	expect names "k1 k2 k3 k4 k5" "$(ls "$MNT" | grep ^k | xargs)"
	expect size 2 "$(stat -c %s "$MNT/k3")"
	unlock_disk
	wait_until 20 is_drained
}

test_a_killed_daemon_has_lost_nothing_and_drains_at_its_next_start() {
	mount_write_back
	lock_disk
	for i in $(seq 50); do set_value "k$i" "v$i"; done
	rm "$MNT/k7"
	mv "$MNT/k8" "$MNT/moved"
	kill_daemon
	for i in 1 25 50; do expect_value "k$i" "v$i"; done
	expect_absent k8
	expect_value moved v8
	unlock_disk
	wait_until 30 is_drained
	expect stored v50 "$(stored k50)"
	expect stored v8 "$(stored moved)"
}

test_flush_waits_for_the_drain_and_has_a_deadline() {
	mount_write_back '"publish_timeout": 0.5'
	lock_disk
	set_value k v
	expect_error "timed out" bash -c 'echo flush >"$0/.cachefs/control"' "$MNT"
	expect stored "" "$(stored k)"
	expect_value k v
	unlock_disk
	unmount
	mount_write_back
	mkdir "$MNT/p"
	for i in $(seq 50); do set_value "p/k$i" "v$i"; done
	control "flush p"
	expect stored v50 "$(stored p/k50)"
	expect entries 0 "$(journal entries)"
}

test_unmounting_drains() {
	mount_write_back
	for i in $(seq 100); do set_value "k$i" "v$i"; done
	unmount
	expect stored v1 "$(stored k1)"
	expect stored v100 "$(stored k100)"
}

test_fsync_and_large_values_go_through_the_journal() {
	mount_write_back
	random_file large 5000000
	dd if=large of="$MNT/large" bs=1M conv=fsync status=none
	cmp large "$MNT/large"
	kill_daemon
	cmp large "$MNT/large"
	wait_until 20 is_drained
	cmp large "$MNT/large"
	expect files 0 "$(ls state/state.sqlite.values | wc -l)"
}

test_a_large_value_is_drained_without_copying_it() {
	mount_write_back
	lock_disk
	random_file large 5000000
	cp large "$MNT/large"
	local inode=$(stat -c %i state/state.sqlite.values/*)
	unlock_disk
	wait_until 20 is_drained
	expect inode "$inode" "$(stat -c %i db.sqlite.values/*)"
	expect links 1 "$(stat -c %h db.sqlite.values/*)"
	cmp large "$MNT/large"
}

test_a_full_journal_fails_sets_with_enospc_and_keeps_what_it_has() {
	mount_write_back '"journal_max_mb": 1, "journal_wait": 0.2'
	lock_disk
	head -c 600000 /dev/zero >"$MNT/a"
	dd if=/dev/zero of="$MNT/b" bs=600000 count=1 2>dd.log || true
	grep -q 'No space left' dd.log
	expect size 600000 "$(wc -c <"$MNT/a")"
	expect_absent b
	unlock_disk
	wait_until 20 is_drained
	head -c 600000 /dev/zero >"$MNT/b"
	expect size 600000 "$(wc -c <"$MNT/b")"
}

test_a_full_journal_does_not_hold_up_the_unmount() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "none.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 0.1, "journal_max_mb": 1, "journal_wait": 20}}'
	mkdir "$MNT"/d{1..6}
	for i in {1..6}; do set_value "d$i/k" v; done
	local i free
	for i in {1..4}; do
		free=$((1048576 - $(journal bytes)))
		((free < 1000)) || head -c $((free - 900)) /dev/zero >"$MNT/fill$i"
	done
	chmod 700 "$MNT/d1"
	unmount
}

wait_in_the_daemon() {
	[[ $(jq .waits.waiting "$MNT/.cachefs/stats.json") = "$1" ]]
}

# mount_undrained: the journal has one value of 900000 bytes, which Redis is not there for, and no
# room for another. No deadline comes while a test runs.
mount_undrained() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "journal_max_mb": 1, "journal_wait": 600,
		"drain_timeout": 600, "publish_timeout": 600}}'
	stop_redis
	letters value v 900000
	cp value "$MNT/k1"
}

test_at_the_end_a_set_that_waits_for_room_is_refused_at_once() {
	mount_undrained
	open_writer a k2
	tell a truncate 900000
	begin_hand a close
	wait_until 60 wait_in_the_daemon 1
	kill -TERM "$DAEMON_PID"
	answers a ENOSPC
	await_daemon
	start_daemon "$TMP/cachefs.json"
	cmp value "$MNT/k1"
	expect_absent k2
}

test_at_the_end_a_write_that_waits_for_room_is_refused_at_once() {
	mount_undrained
	letters large l 900000
	(cat large >"$MNT/k2") 2>refusal &
	local writer=$!
	wait_until 60 wait_in_the_daemon 1
	kill -TERM "$DAEMON_PID"
	wait_until 60 has_ended "$writer"
	grep -q 'write error: No space left on device' refusal
	await_daemon
	start_daemon "$TMP/cachefs.json"
	expect_absent k2
}

begin_flush() {
	local control
	exec {control}>"$MNT/.cachefs/control"
	echo flush 2>refusal >&"$control" &
	FLUSHER=$!
	wait_until 60 waits_for_the_daemon "$FLUSHER"
}

flush_is_refused() {
	wait_until 60 has_ended "$FLUSHER"
	grep -q 'timed out' refusal
}

test_at_the_end_a_flush_that_waits_for_the_drain_is_refused_at_once() {
	mount_undrained
	begin_flush
	kill -TERM "$DAEMON_PID"
	flush_is_refused
	await_daemon
}

# What was written through a mapping is published when that ends, and nobody waits for it but flush.
test_at_the_end_a_flush_that_waits_for_a_publish_is_refused_at_once() {
	start_redis
	mount_redis '"socket_timeout": 600' '"drain_timeout": 600, "publish_timeout": 600'
	open_writer a k rw,creat
	tell a write old
	tell a map
	tell a close
	tell a poke 0 new
	stop_process "$REDIS_PID"
	tell a unmap
	begin_flush
	kill -TERM "$DAEMON_PID"
	flush_is_refused
	kill -CONT "$REDIS_PID"
	await_daemon
	expect "in Redis" new "$(redis --raw GET accuralai:cache:k)"
}

run_tests
