#!/bin/bash
# When a directory changed: it stays what it was, whatever forgets the directory.
. "$(dirname "$0")/../lib.sh"

times() {
	local dir
	for dir; do
		stat -c '%n %i %.9Y %.9Z' "$MNT/$dir"
	done
}

# Calls of the disk layer that write markers.
marker_writes() {
	sed -n 's/^cachefs_backend_call_seconds_count{.*layer="disk".*operation="dir_set".*} //p' "$MNT/.cachefs/metrics"
}

inode_count() {
	jq .inodes "$MNT/.cachefs/stats.json"
}

# Lets the kernel forget all directories, and waits until the daemon has.
forget() {
	local before=$1
	echo 2 >/proc/sys/vm/drop_caches
	wait_until 30 inodes_are_at_most "$before"
}

inodes_are_at_most() {
	(($(inode_count) <= $1))
}

changes_everywhere() {
	mkdir -p "$MNT/a/b/c" "$MNT/gone/d"
	set_value a/k value
	set_value a/b/k value
	ln -s k "$MNT/a/b/link"
	mv "$MNT/a/k" "$MNT/a/b/c/k"
	touch "$MNT/a/x.tmp"
	rm "$MNT/a/b/k" "$MNT/a/x.tmp"
	set_value gone/d/k value
	rm "$MNT/gone/d/k"
	rmdir "$MNT/gone"
}

# What nobody has dated: the root at first, prefixes of other programs' keys, what the daemon makes.
test_a_directory_without_a_known_time_is_as_old_as_the_mount() {
	local dir since
	mount_stack
	unmount
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, updated_at) VALUES('foreign/k', '\"v\"', 1e9)"
	since=$(date +%s)
	mount_stack
	for dir in "" foreign .cachefs .cachefs/stats.json .cachefs/layers .cachefs/layers/disk/foreign; do
		(($(stat -c %Y "$MNT/$dir") >= since)) || fail "/$dir changed on $(stat -c %y "$MNT/$dir")"
	done
	touch -d @0 "$MNT/foreign"
	expect "a time that was set" 0 "$(stat -c %Y "$MNT/foreign")"
}

test_a_directory_changed_when_it_did_after_the_kernel_forgot_it() {
	mount_stack
	local inodes before
	inodes=$(inode_count)
	changes_everywhere
	before=$(times "" a a/b a/b/c)
	forget "$inodes"
	expect times "$before" "$(times "" a a/b a/b/c)"
	expect_list "" a
}

test_a_directory_changed_when_it_did_after_a_new_start() {
	mount_stack
	changes_everywhere
	local before
	before=$(times "" a a/b a/b/c)
	restart_daemon
	expect times "$before" "$(times "" a a/b a/b/c)"
	restart_daemon
	expect "times the second time" "$before" "$(times "" a a/b a/b/c)"
	expect_list "" a
	expect "the root's mode" "755 $(id -u)" "$(stat -c '%a %u' "$MNT")"
}

test_the_time_that_was_set_last_counts() {
	mount_stack
	local inodes
	inodes=$(inode_count)
	mkdir "$MNT/a"
	set_value a/k value
	touch -d @1000000000.123456789 "$MNT/a"
	forget "$inodes"
	expect mtime 1000000000.123456789 "$(stat -c %.9Y "$MNT/a")"
	chmod 700 "$MNT/a"
	expect "mtime after chmod" 1000000000.123456789 "$(stat -c %.9Y "$MNT/a")"
	rm "$MNT/a/k"
	local before
	before=$(times a)
	forget "$inodes"
	expect times "$before" "$(times a)"
	expect mode 700 "$(stat -c %a "$MNT/a")"
}

test_a_renamed_directory_takes_its_time_along() {
	mount_stack
	local inodes before
	inodes=$(inode_count)
	mkdir -p "$MNT/a/b"
	set_value a/b/k value
	before=$(stat -c '%i %.9Y' "$MNT/a/b")
	mv "$MNT/a" "$MNT/z"
	forget "$inodes"
	expect "times" "$before" "$(stat -c '%i %.9Y' "$MNT/z/b")"
	restart_daemon
	expect "times after a new start" "$before" "$(stat -c '%i %.9Y' "$MNT/z/b")"
	expect_list "" z
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
