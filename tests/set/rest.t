#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Temporary files that nobody renames: they become entries after a rest, and when the daemon ends in order.

AT_ONCE='"scratch_publish_s": 0.1'

# over LAYERS [SETTINGS] [MEMBERS]: memory over these
over() {
	mount_with '{"layers": [{"type": "memory"}, '"$1"'], "cachefs": {"state_dir": "state", "drain_timeout": 1'"${2:+, $2}"'}'"${3:+, $3}"'}'
}

# The names that only the daemon has.
scratch_files_are() {
	[[ $(stat_of .memory.scratch_files) = "$1" ]]
}

is_in() {
	[[ -e $MNT/.cachefs/layers/$1/$2 ]]
}

is_not_in() {
	! is_in "$1" "$2"
}

sets() {
	stat_of .sets
}

# As the daemon is killed: what is an entry is there.
becomes_an_entry() {
	set_value k.tmp value
	chmod 640 "$MNT/k.tmp"
	setfattr -n user.colour -v red "$MNT/k.tmp"
	local before
	before=$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")
	wait_until 30 scratch_files_are 0
	expect "stat" "$before" "$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")"
	expect "sets" 1 "$(sets)"
	[[ -z ${1:-} ]] || control flush
	kill_daemon
	expect_value k.tmp value
	expect "stat" "$before" "$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")"
	expect "xattr" red "$(get_xattr k.tmp user.colour)"
	expect_list "" k.tmp
}

test_a_temporary_file_at_rest_becomes_an_entry_of_sqlite() {
	over "$DISK" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_of_files() {
	over "$FILE" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_of_redis() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_with_write_back() {
	over "$DISK" "$AT_ONCE" '"write_strategy": "write_back"'
	becomes_an_entry
}

# ends_in_order: what is not empty is there afterwards, as it was.
ends_in_order() {
	local name names="d/k.tmp gone.part half.part k~ report.part results.tmp.json"
	mkdir "$MNT/d"
	for name in $names; do
		set_value "$name" "value of $name"
	done
	random_file big 3000000
	cp big "$MNT/big.part"
	ln -s target "$MNT/link.tmp"
	: >"$MNT/empty.tmp"
	chmod 600 "$MNT/report.part"
	set_ttl k~ 600
	rm "$MNT/gone.part"
	open_writer w half.part w,append
	tell w write " and more"
	tell w close
	local before
	before=$(cd "$MNT" && stat -c '%n %a %i %s %.9Y' d/k.tmp half.part k~ report.part big.part)
	restart_daemon
	expect "stat" "$before" "$(cd "$MNT" && stat -c '%n %a %i %s %.9Y' d/k.tmp half.part k~ report.part big.part)"
	expect_list "" "big.part d half.part k~ link.tmp report.part results.tmp.json"
	expect_list d k.tmp
	expect_value half.part "value of half.part and more"
	expect_value report.part "value of report.part"
	expect "link" target "$(readlink "$MNT/link.tmp")"
	cmp big "$MNT/big.part"
	local ttl
	ttl=$(get_xattr k~ user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
}

test_an_orderly_end_loses_no_temporary_file_with_sqlite() {
	over "$DISK"
	ends_in_order
}

test_an_orderly_end_loses_none_with_files() {
	over "$FILE"
	ends_in_order
}

test_an_orderly_end_loses_none_with_redis() {
	start_redis
	over "$REDIS"
	ends_in_order
}

test_an_orderly_end_loses_none_with_write_back() {
	over "$DISK" "" '"write_strategy": "write_back"'
	ends_in_order
}

test_a_file_that_its_writer_holds_open_at_the_end_is_kept_as_it_is_then() {
	over "$DISK"
	open_writer w k.part
	tell w write half
	kill -TERM "$DAEMON_PID"
	wait_until 60 daemon_has_ended
	kill_hand w KILL
	wait "$DAEMON_PID" || true
	DAEMON_PID=
	fusermount3 -u -z -q "$MNT" || true
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k.part half
}

test_an_empty_temporary_file_never_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	: >"$MNT/empty.tmp"
	: >"$MNT/x.lock"
	set_value k.tmp value
	wait_until 30 scratch_files_are 2
	expect "sets" 1 "$(sets)"
	expect_list "" "empty.tmp k.tmp x.lock"
}

test_what_is_open_for_writing_stays_a_temporary_file() {
	over "$DISK" "$AT_ONCE"
	open_writer w w.tmp
	tell w write half
	set_value k.tmp value
	wait_until 30 scratch_files_are 1
	is_not_in disk w.tmp || fail "half of a file is an entry"
	mv "$MNT/w.tmp" "$MNT/w"
	tell w close
	expect_value w half
}

test_so_does_what_is_locked() {
	over "$DISK" "$AT_ONCE"
	set_value x.tmp content
	open_reader r x.tmp
	tell r flock ex
	set_value k.tmp value
	wait_until 30 is_in disk k.tmp
	set_value k2.tmp value
	wait_until 30 is_in disk k2.tmp
	is_not_in disk x.tmp || fail "it was stored while it was locked"
	tell r flock un
	wait_until 30 is_in disk x.tmp
	expect_read r content
}

test_what_a_reader_holds_open_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp value
	open_reader r k.tmp
	wait_until 30 is_in disk k.tmp
	expect_read r value
	expect_value k.tmp value
	rm "$MNT/k.tmp"
	expect_read r value
	expect_absent k.tmp
}

test_an_entry_that_is_opened_for_writing_is_a_temporary_file_again() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp old
	wait_until 30 scratch_files_are 0
	local ino
	ino=$(stat -c %i "$MNT/k.tmp")
	open_writer w k.tmp w,append
	tell w write " and new"
	expect_value k.tmp "old and new"
	scratch_files_are 1 || fail "it is none"
	tell w close
	expect "ino" "$ino" "$(stat -c %i "$MNT/k.tmp")"
	wait_until 30 scratch_files_are 0
	open_writer t k.tmp w,trunc
	expect_value k.tmp ""
	tell t write newer
	expect_value k.tmp newer
	mv "$MNT/k.tmp" "$MNT/k"
	tell t close
	expect_list "" k
	expect_value k newer
	kill_daemon
	expect_list "" k
	expect_value k newer
}

test_one_that_is_opened_and_not_written_to_is_no_new_set() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp value
	wait_until 30 scratch_files_are 0
	open_writer w k.tmp rw
	scratch_files_are 1 || fail "it is no temporary file"
	tell w close
	wait_until 30 scratch_files_are 0
	expect "sets" 1 "$(sets)"
	expect_value k.tmp value
	touch -d @1234567890 "$MNT/k.tmp"
	wait_until 30 scratch_files_are 0
	kill_daemon
	expect_value k.tmp value
	expect "mtime" 1234567890 "$(stat -c %Y "$MNT/k.tmp")"
}

test_one_that_was_removed_does_not_come_back() {
	over "$DISK" "$AT_ONCE"
	local i
	for i in {1..40}; do
		set_value "k$i.tmp" value
		[[ $((i % 2)) = 0 ]] || wait_until 30 is_in disk "k$i.tmp"
		rm "$MNT/k$i.tmp"
	done
	expect_list "" ""
	kill_daemon
	expect_list "" ""
}

test_a_rename_beside_its_becoming_an_entry_loses_nothing() {
	over "$DISK" '"scratch_publish_s": 0'
	local i
	for i in {1..100}; do
		set_value k.tmp "value $i"
		mv "$MNT/k.tmp" "$MNT/k$((i % 7))"
		expect_value "k$((i % 7))" "value $i"
		expect_absent k.tmp
		set_value a.tmp "value $i"
		mv "$MNT/a.tmp" "$MNT/b.tmp"
		expect_value b.tmp "value $i"
	done
	expect_list "" "b.tmp k0 k1 k2 k3 k4 k5 k6"
	kill_daemon
	expect_value k2 "value 100"
}

# --- what cannot be stored ---

test_what_no_layer_takes_now_is_tried_again() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	stop_redis
	set_value a.tmp a
	set_value b.tmp b
	wait_until 30 log_says "cannot be stored"
	expect_value a.tmp a
	expect "said" 1 "$(grep -c "cannot be stored" "$LOG")"
	start_redis
	wait_until 60 scratch_files_are 0
	expect_value a.tmp a
	kill_daemon
	expect_value a.tmp a
	expect_value b.tmp b
}

test_what_is_too_large_for_all_layers_stays_a_temporary_file() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 50000}}], "cachefs": {'"$AT_ONCE"'}}'
	random_file whole 60000
	cp whole "$MNT/k.tmp"
	wait_until 30 log_says "cannot be stored.*k.tmp"
	set_value small.tmp x
	wait_until 30 scratch_files_are 1
	cmp whole "$MNT/k.tmp"
	truncate -s 1000 "$MNT/k.tmp"
	wait_until 30 scratch_files_are 0
	head -c 1000 whole | cmp - "$MNT/k.tmp"
}

test_what_no_layer_takes_at_the_end_is_named_and_there_after_the_next_start() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	stop_redis
	set_value k.tmp value
	random_file big.part 3000000
	cp big.part "$MNT/big.part"
	unmount
	log_says '"k.tmp" cannot be stored at the end' || fail "the log does not name it"
	log_says '"big.part" cannot be stored at the end' || fail "the log does not name it"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	log_says "2 temporary files of an earlier run" || fail "the log does not tell of what waits"
	start_redis
	wait_until 60 is_in redis big.part
	wait_until 60 is_in redis k.tmp
	expect_value k.tmp value
	cmp big.part "$MNT/big.part"
	wait_until 30 nothing_is_synced
}

test_an_end_that_has_to_drop_one_names_it() {
	start_redis
	over "$REDIS"
	set_value k.tmp value
	stop_redis
	rm -rf state
	: >state
	unmount
	log_says '"k.tmp" is lost' || fail "the log does not name it"
}

# --- fsync ---

nothing_is_synced() {
	[[ -z $(ls -A state/scratch) ]]
}

synced() {
	dd of="$MNT/$1" conv="fsync${2:+,$2}" oflag="${3:-sync}" status=none
}

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

test_writing_syncing_and_renaming_is_one_set_and_leaves_nothing() {
	over "$DISK"
	local i
	for i in 1 2 3; do
		printf "value $i" | synced k.tmp
		expect "sets" "$((i - 1))" "$(sets)"
		mv "$MNT/k.tmp" "$MNT/k"
		expect "sets" "$i" "$(sets)"
		nothing_is_synced || fail "left: $(ls state/scratch)"
	done
	kill_daemon
	expect_list "" k
	expect_value k "value 3"
}

test_a_synced_file_that_is_removed_renamed_or_stored_does_not_come_back() {
	over "$DISK"
	mkdir "$MNT/d"
	for name in a.tmp b.tmp d/c.tmp e.tmp; do printf value | synced "$name"; done
	rm "$MNT/a.tmp"
	mv "$MNT/b.tmp" "$MNT/b.part"
	rmdir "$MNT/d"
	control "invalidate e.tmp"
	kill_daemon
	expect_list "" b.part
	expect_value b.part value
	printf value | synced k.tmp
	restart_daemon
	nothing_is_synced || fail "left: $(ls state/scratch)"
	rm "$MNT/k.tmp"
	kill_daemon
	expect_list "" b.part
}

has_synced() {
	grep -qF "$1" state/scratch/*
}

test_a_synced_file_moves_with_its_directory() {
	over "$DISK"
	mkdir -p "$MNT/d/e"
	printf value | synced d/e/k.tmp
	mv "$MNT/d" "$MNT/f"
	wait_until 30 has_synced f/e/k.tmp
	kill_daemon
	expect_value f/e/k.tmp value
	expect_list "" f
}

test_what_was_synced_last_is_what_a_crash_leaves() {
	over "$DISK"
	open_writer w k.part w,creat
	tell w write first
	tell w fsync
	tell w write second
	tell w fsync
	tell w truncate 8
	tell w fsync
	tell w truncate 12
	tell w pwrite 10 X
	tell w fsync
	tell w write unsynced
	kill_hand w KILL
	kill_daemon
	expect "content" 'firstsec\0\0X\0' "$(tr '\0' '@' <"$MNT/k.part" | sed 's/@/\\0/g')"
}

test_two_daemons_keep_to_their_own_synced_files() {
	over "$DISK"
	printf value | synced k.tmp
	mkdir other
	"$CACHEFS" -f cachefs.json other </dev/null >>"$LOG" 2>&1 &
	at_end "kill $!"
	at_end 'fusermount3 -u -z "$TMP/other"'
	wait_until 60 is_mounted "$TMP/other"
	[[ ! -e other/k.tmp ]] || fail "another daemon has taken it"
	kill_daemon
	expect_value k.tmp value
}

# --- locks ---

test_a_lock_with_content_is_stored_and_never_evicted_while_the_daemon_runs() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_entries": 2}},
		{"type": "file", "options": {"directory": "files", "max_files": 2}}], "cachefs": {'"$AT_ONCE"'}}'
	echo 4711 >"$MNT/x.lock"
	wait_until 30 is_in file x.lock
	local i
	for i in {1..6}; do set_value "k$i" value; done
	wait_until 30 is_not_in file x.lock
	expect_value x.lock 4711
	! (set -C; echo 4712 >"$MNT/x.lock") 2>/dev/null || fail "locked twice"
	rm "$MNT/x.lock"
	expect_absent x.lock
	echo 4713 >"$MNT/x.lock"
	wait_until 30 is_in file x.lock
	for i in {1..6}; do set_value "k$i" value; done
	wait_until 30 is_not_in file x.lock
	restart_daemon
	expect_value x.lock 4713
	rm "$MNT/x.lock"
	expect_absent x.lock
	restart_daemon
	expect_absent x.lock
}

test_a_stored_lock_that_is_removed_or_renamed_leaves_all_layers() {
	over "$DISK" "$AT_ONCE"
	echo a >"$MNT/a.lock"
	echo b >"$MNT/b.lock"
	mkdir "$MNT/d"
	echo c >"$MNT/d/c.lock"
	wait_until 30 is_in disk a.lock
	wait_until 30 is_in disk b.lock
	wait_until 30 is_in disk d/c.lock
	rm "$MNT/a.lock"
	mv "$MNT/b.lock" "$MNT/b"
	rmdir "$MNT/d"
	expect_list "" b
	kill_daemon
	expect_list "" b
	expect_value b b
}

# creates COUNT PREFIX: empty temporary files; how many there are when it fails, and why.
creates() {
	python3 -ES - "$MNT" "$@" <<-'END'
		import errno, os, sys
		mnt, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		for i in range(count):
		    try:
		        os.close(os.open("%s/%s%d.lock" % (mnt, prefix, i), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
		    except OSError as e:
		        print(i, errno.errorcode[e.errno])
		        break
	END
}

test_locks_have_a_bound_and_none_is_dropped_for_it() {
	mount_with '{"type": "memory"}'
	set_value k.tmp value
	expect "created" "65536 ENOSPC" "$(creates 70000 x)"
	is_in memory k.tmp || fail "the file at rest was in the way"
	expect "names" 65537 "$(ls "$MNT" | wc -l)"
	expect "said" 1 "$(grep -c "no more are made" "$LOG")"
	expect_error "No space left" ln -s target "$MNT/y.lock"
	set_value k value
	expect_error "No space left" mv "$MNT/k" "$MNT/k.tmp.1"
	expect_value k value
	flock -n "$MNT/x17.lock" true
	echo content >"$MNT/x18.lock"
	expect_value x18.lock content
	rm "$MNT/x17.lock" "$MNT/x18.lock"
	expect "created" "2 ENOSPC" "$(creates 3 z)"
	control "invalidate /"
	expect_list "" ""
	: >"$MNT/x.lock"
}

# --- ends ---

test_a_ttl_ends_a_temporary_file() {
	over "$DISK"
	mkdir "$MNT/d"
	set_ttl d 1
	set_value d/k.tmp x
	set_value d/own.tmp x
	set_ttl d/own.tmp 600
	: >"$MNT/d/x.lock"
	set_value k.tmp x
	set_ttl k.tmp 1
	expect_value k.tmp x
	ttl_passes 1.2
	expect_absent k.tmp
	expect_absent d/k.tmp
	expect_absent d/x.lock
	expect_value d/own.tmp x
	wait_until 30 scratch_files_are 1
	restart_daemon
	expect_list d own.tmp
}

test_a_ttl_counts_on_when_it_becomes_an_entry() {
	over "$DISK" "$AT_ONCE"
	set_value k.tmp x
	set_ttl k.tmp 600
	wait_until 30 scratch_files_are 0
	local ttl
	ttl=$(get_xattr k.tmp user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} < 600)) || fail "ttl $ttl"
}

test_a_ttl_ends_a_stored_lock_in_all_layers() {
	over "$DISK" "$AT_ONCE"
	echo x >"$MNT/x.lock"
	wait_until 30 is_in disk x.lock
	set_ttl x.lock 0.1
	wait_until 30 is_gone x.lock
	wait_until 30 is_not_in disk x.lock
}

test_a_file_is_not_ended_while_it_is_written() {
	over "$DISK"
	open_writer w k.tmp
	set_ttl k.tmp 0.1
	ttl_passes 0.3
	tell w write content
	expect_value k.tmp content
	tell w close
	expect_absent k.tmp
}

test_invalidate_and_rmdir_remove_temporary_files() {
	over "$DISK"
	mkdir -p "$MNT/d/e" "$MNT/f"
	set_value k.tmp x
	set_value d/e/k.tmp x
	set_value d/k x
	set_value f/k.tmp x
	: >"$MNT/x.lock"
	control "invalidate d"
	expect_list "" "f k.tmp x.lock"
	rmdir "$MNT/f"
	control "invalidate /"
	expect_list "" ""
	scratch_files_are 0 || fail "some are left"
	set_value k.tmp x
	control "invalidate /"
	expect_list "" ""
	expect_error "No such file" control "invalidate /"
	restart_daemon
	expect_list "" ""
}

# --- room ---

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
