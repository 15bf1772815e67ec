#!/bin/bash
# Temporary files at rest give way to sets: they never use up the room for unpublished content.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

test_leftovers_never_make_a_set_fail() {
	over "$DISK" '"pending_max_bytes": 20000000'
	local i
	random_file whole 1000000
	for i in {1..40}; do cp whole "$MNT/left$i.tmp"; done
	set_value k xy
	expect_value k xy
	random_file large 15000000
	cp large "$MNT/l"
	cmp large "$MNT/l"
	for i in {1..40}; do cmp whole "$MNT/left$i.tmp"; done
	kill_daemon
	cmp whole "$MNT/left1.tmp"
}

test_leftovers_never_make_a_link_or_a_rename_to_a_temporary_name_fail() {
	over "$DISK" '"pending_max_bytes": 1000000'
	random_file whole 600000
	cp whole "$MNT/k"
	cp whole "$MNT/left.tmp"
	mv "$MNT/k" "$MNT/k~"
	cmp whole "$MNT/k~"
	cmp whole "$MNT/left.tmp"
	head -c 999990 /dev/zero >"$MNT/full.tmp"
	ln -s a-target-of-some-length "$MNT/y.tmp"
	expect "link" a-target-of-some-length "$(readlink "$MNT/y.tmp")"
	cmp whole "$MNT/k~"
}

test_stored_locks_never_make_a_set_fail_either() {
	over "$DISK" "$AT_ONCE"', "pending_max_bytes": 2000000'
	random_file content 900000
	cp content "$MNT/x.lock"
	cp content "$MNT/y.lock"
	wait_until 30 is_in disk x.lock
	wait_until 30 is_in disk y.lock
	random_file whole 1500000
	cp whole "$MNT/k"
	cmp whole "$MNT/k"
	cmp content "$MNT/x.lock"
	cmp content "$MNT/y.lock"
}

test_leftovers_that_no_layer_takes_are_dropped_and_named() {
	start_redis
	over "$REDIS" '"pending_max_bytes": 2000000'
	stop_redis
	random_file whole 900000
	cp whole "$MNT/first.tmp"
	cp whole "$MNT/second.tmp"
	cp whole "$MNT/third.tmp"
	log_says '"first.tmp" is dropped' || fail "the log does not say so"
	expect_absent first.tmp
	cmp whole "$MNT/third.tmp"
}

test_what_is_in_no_layer_shows_in_stats_and_df() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 100}}], "cachefs": {}}'
	local free
	free=$(stat -f -c %f "$MNT")
	random_file whole 8192000
	cp whole "$MNT/k"
	cp whole "$MNT/k.tmp"
	open_reader r k
	rm "$MNT/k"
	expect "bytes" '[8192000,8192000,16384000]' "$(stat_of '.unowned | [.scratch_bytes, .unlinked_bytes, .bytes]')"
	((free - $(stat -f -c %f "$MNT") >= 3000)) || fail "df does not show it: $free, $(stat -f -c %f "$MNT")"
	grep -qx 'cachefs_unowned_bytes 16384000' "$MNT/.cachefs/metrics" || fail "the metrics do not"
	tell r close
	rm "$MNT/k.tmp"
	expect "bytes" 0 "$(stat_of .unowned.bytes)"
}

test_a_set_that_finds_no_room_says_so_once() {
	over "$DISK" '"pending_max_bytes": 1000000'
	open_writer w w.tmp
	head -c 900000 /dev/zero >>"$MNT/w.tmp"
	random_file whole 200000
	expect_error "No space left" cp whole "$MNT/a"
	expect_error "No space left" cp whole "$MNT/b"
	expect "said" 1 "$(grep -c "pending_max_bytes.*used up" "$LOG")"
	tell w close
	cp whole "$MNT/a"
	cmp whole "$MNT/a"
}

run_tests
