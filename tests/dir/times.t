#!/bin/bash
# When a directory changed: it stays what it was, whatever forgets the directory.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/times.sh"

times() {
	local dir
	for dir; do
		stat -c '%n %i %.9Y %.9Z' "$MNT/$dir"
	done
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

run_tests
