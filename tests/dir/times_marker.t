#!/bin/bash
# What the time of a directory costs: its marker is not written with each change, and some directories have
# none.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/times.sh"

# Calls of the disk layer that write markers.
marker_writes() {
	sed -n 's/^cachefs_backend_call_seconds_count{.*layer="disk".*operation="dir_set".*} //p' "$MNT/.cachefs/metrics"
}

test_creates_do_not_write_the_marker_each() {
	mount_stack
	local inodes before after i
	inodes=$(inode_count)
	mkdir "$MNT/a"
	before=$(marker_writes)
	for i in {1..20}; do
		echo x >"$MNT/a/$i"
	done
	after=$(marker_writes)
	((after - before <= 3)) || fail "$((after - before)) marker writes" # one each time others drop the caches
	forget "$inodes"
	(($(marker_writes) > before)) || fail "the marker was not written"
}

test_what_only_other_programs_made_gets_no_marker() {
	mount_stack
	local inodes
	inodes=$(inode_count)
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		VALUES('x/k', 'foreign', NULL, 1700000000.5)"
	set_value x/own value
	rm "$MNT/x/own"
	forget "$inodes"
	sqlite3 db.sqlite "DELETE FROM cache WHERE cache_key = 'x/k'"
	wait_until 10 is_gone x
}

test_a_directory_that_is_removed_while_it_is_forgotten_stays_removed() {
	mount_stack
	local i
	for i in {1..10}; do
		mkdir "$MNT/d" "$MNT/d/e"
		set_value d/e/k value
		echo 2 >/proc/sys/vm/drop_caches &
		rmdir "$MNT/d"
		wait $!
		test ! -e "$MNT/d"
	done
	restart_daemon
	expect_list "" ""
}

test_a_renamed_key_of_another_program_keeps_its_inode_number() {
	mount_stack
	local inodes ino
	inodes=$(inode_count)
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		VALUES('k', 'foreign', NULL, 1700000000.5)"
	ino=$(stat -c %i "$MNT/k")
	mv "$MNT/k" "$MNT/l"
	expect ino "$ino" "$(stat -c %i "$MNT/l")"
	forget "$inodes"
	expect "ino later" "$ino" "$(stat -c %i "$MNT/l")"
	expect_value l foreign
	expect owner "$(id -u) 600" "$(stat -c '%u %a' "$MNT/l")"
	mv "$MNT/l" "$MNT/m"
	restart_daemon
	expect "ino after a new start" "$ino" "$(stat -c %i "$MNT/m")"
	expect mtime 1700000000 "$(stat -c %Y "$MNT/m")"
	expect_value m foreign
}

run_tests
