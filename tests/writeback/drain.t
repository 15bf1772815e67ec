#!/bin/bash
# write_back: a set is in the journal at once and arrives in the slower layer later, also after a kill.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/drain.sh"

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

run_tests
