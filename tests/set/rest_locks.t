#!/bin/bash
# A lock file with content is stored like any other, and locks have a bound of their own.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

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

run_tests
