#!/bin/bash
# JSON files on a full disk: what is removed is gone, sets evict the oldest.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

mount_files() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file",
		"options": {"directory": "store/files"'"${1:+, $1}"'}}]}'
}

test_removing_works_on_tmpfs_that_the_cache_has_filled() {
	tmpfs_disk 8
	mount_files
	check_removing the_cache
}

test_removing_works_on_tmpfs_that_another_program_has_filled() {
	tmpfs_disk 8
	mount_files
	check_removing another_program
}

test_removing_works_on_ext4_that_the_cache_has_filled() {
	ext4_disk 64
	mount_files
	check_removing the_cache
}

test_removing_works_on_ext4_that_another_program_has_filled() {
	ext4_disk 64
	mount_files
	check_removing another_program
}

test_removing_works_while_another_program_takes_what_becomes_free() {
	tmpfs_disk 8
	mount_files
	check_removing a_taker
}

test_sets_evict_the_oldest_on_a_full_tmpfs() {
	tmpfs_disk 8
	mount_files '"min_free_mb": 0'
	check_evicting
}

test_sets_evict_the_oldest_on_a_full_ext4() {
	ext4_disk 64
	mount_files '"min_free_mb": 0'
	check_evicting
}

test_it_leaves_free_what_it_is_told_to() {
	tmpfs_disk 8
	mount_files '"min_free_mb": 2'
	check_min_free file
}

test_a_used_up_quota_is_a_full_disk() {
	tmpfs_disk 8
	with_a_quota
	mount_files '"min_free_mb": 0'
	check_evicting
	check_removing another_program
}

test_a_limit_on_the_size_of_files_refuses_what_is_larger() {
	tmpfs_disk 8
	ulimit -S -f 100 # KiB
	mount_files
	ulimit -S -f unlimited
	random_file large 150000
	set_names k 5 3000
	expect_error "File too large" cp large "$MNT/k1"
	[[ $(cat "$MNT/k1") == k1* ]]
	rm "$MNT/k2"
	set_value k6 six
	expect_list "" "k1 k3 k4 k5 k6"
}

run_tests
