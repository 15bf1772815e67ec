#!/bin/bash
# SQLite on a full disk: what is removed is gone, sets evict the least recently used.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

DISK='{"type": "disk", "options": {"path": "store/db.sqlite"'

mount_disk() {
	mount_with '{"layers": [{"type": "memory"}, '"$DISK"'}}]}'
}

# Without copies in memory, which stay.
mount_disk_alone() {
	mount_with "$DISK, $1}}"
}

test_removing_works_on_tmpfs_that_the_cache_has_filled() {
	tmpfs_disk 8
	mount_disk
	check_removing the_cache
}

test_removing_works_on_tmpfs_that_another_program_has_filled() {
	tmpfs_disk 8
	mount_disk
	check_removing another_program
}

test_removing_works_on_ext4_that_the_cache_has_filled() {
	ext4_disk 64
	mount_disk
	check_removing the_cache
}

test_removing_works_on_ext4_that_another_program_has_filled() {
	ext4_disk 64
	mount_disk
	check_removing another_program
}

# What is left of the log's reserve by an unmount may be taken in that instant: then the state remembers.
test_removing_works_while_another_program_takes_what_becomes_free() {
	tmpfs_disk 8
	mount_with '{"layers": [{"type": "memory"}, '"$DISK"'}},
		{"type": "file", "options": {"directory": "files"}}]}'
	check_removing a_taker
}

test_sets_evict_the_oldest_on_a_full_tmpfs() {
	tmpfs_disk 8
	mount_disk_alone '"min_free_mb": 0'
	check_evicting
}

test_sets_evict_the_oldest_on_a_full_ext4() {
	ext4_disk 64
	mount_disk_alone '"min_free_mb": 0'
	check_evicting 200 # the log gives some space back
}

test_it_leaves_free_what_it_is_told_to() {
	tmpfs_disk 8
	mount_disk_alone '"min_free_mb": 2'
	check_min_free disk
}

# A bound on the size of files is as a full disk: neither database nor log can grow.
test_sets_go_on_within_a_limit_on_the_size_of_files() {
	ulimit -S -f 2048 # KiB
	mkdir store
	mount_disk_alone '"min_free_mb": 0'
	ulimit -S -f unlimited
	local i
	random_file new 30000
	for i in {1..150}; do
		cp new "$MNT/k$i" || fail "set $i of 150 failed"
	done
	cmp new "$MNT/k150"
	expect_miss k1
	random_file large 3000000
	expect_error "File too large" cp large "$MNT/k150"
	cmp new "$MNT/k150"
	rm "$MNT/k150"
	kill_daemon
	expect_miss k150
	cmp new "$MNT/k149"
}

run_tests
