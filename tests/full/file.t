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

run_tests
