#!/bin/bash
# state_dir on a full disk: what a layer cannot be told is remembered there. The layers are elsewhere.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

is_told() {
	[[ ! -e files/k1.json && ! -e files/d_k1.json ]]
}

# check_remembering WHO: removals that a layer missed are remembered on a full disk, over kill -9 and SIGTERM.
check_remembering() {
	mkdir "$MNT/d" "$MNT/e"
	set_names k 5 1000
	set_names d/k 20 1000
	set_names e/k 20 1000
	[[ -e files/k1.json && -e files/d_k1.json ]]
	close_files
	filled_by "$1"
	rm "$MNT/k1"
	rmdir "$MNT/d"
	all_absent k1 d d/k1
	kill_daemon
	all_absent k1 d d/k1
	rm "$MNT/k2"
	restart_daemon
	all_absent k1 k2 d d/k1
	invalidate e
	kill_daemon
	all_absent k1 k2 d d/k1 e e/k3
	set_value k4 "set on a full disk" # that the file layer has an old one of is to be remembered, too
	kill_daemon
	expect_value k4 "set on a full disk"
	[[ -e files/k1.json ]] || fail "the file layer was told: nothing was tested"
	free_disk
	open_files
	wait_until 60 is_told
	restart_daemon
	all_absent k1 k2 d d/k1 e e/k3
	expect_value k4 "set on a full disk"
	[[ $(cat "$MNT/k3") == k3* ]]
	wait_until 60 set_succeeds_again k1
}

test_what_layers_miss_is_remembered_on_tmpfs_that_another_program_has_filled() {
	tmpfs_disk 8
	mount_two
	check_remembering another_program
}

test_what_layers_miss_is_remembered_on_ext4_that_another_program_has_filled() {
	ext4_disk 64
	mount_two
	check_remembering another_program
}

test_what_layers_miss_is_remembered_while_another_program_takes_what_becomes_free() {
	tmpfs_disk 8
	mount_two
	check_remembering a_taker
}

test_what_layers_miss_is_remembered_on_ext4_while_another_program_takes_what_becomes_free() {
	ext4_disk 64
	mount_two
	check_remembering a_taker
}

test_a_used_up_quota_is_a_full_disk_to_what_layers_miss() {
	tmpfs_disk 8
	with_a_quota
	mount_two
	check_remembering another_program
}

run_tests
