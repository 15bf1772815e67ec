#!/bin/bash
# flock and fcntl locks on the mount exclude.
. "$(dirname "$0")/../lib.sh"

test_flock_excludes() {
	mount_stack
	set_value lock ""
	open_reader a lock
	open_reader b lock
	tell a flock ex
	expect_told EAGAIN b flock ex
	expect_told EAGAIN b flock sh
	tell a flock un
	tell b flock ex
}

test_flock_excludes_over_a_set_of_the_key() {
	mount_stack
	set_value lock old
	open_reader a lock
	tell a flock ex
	set_value lock new
	open_reader b lock
	expect_told EAGAIN b flock ex
	tell a close
	tell b flock ex
}

test_shared_locks_admit_each_other() {
	mount_stack
	set_value lock ""
	open_reader a lock
	open_reader b lock
	tell a flock sh
	tell b flock sh
	expect_told EAGAIN b flock ex
}

test_fcntl_locks_exclude() {
	mount_stack
	set_value lock text
	open_writer a lock rw
	open_writer b lock rw
	tell a setlk ex
	expect_told EAGAIN b setlk ex
	expect_told EAGAIN b setlk sh
	tell a setlk un
	tell b setlk ex
}

test_the_lock_of_a_shell_with_a_redirection_excludes() {
	mount_stack
	echo 0 >"$MNT/counter"
	local i
	count() {
		for ((i = 0; i < 25; i++)); do
			(
				flock 9
				echo $(($(<"$MNT/counter") + 1)) >"$MNT/counter"
			) 9>"$MNT/lock"
		done
	}
	local pids=()
	for _ in 1 2 3 4; do
		count &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_value counter 100
}

test_the_lock_file_of_flock_stays_an_empty_key() {
	mount_stack
	flock "$MNT/lock" true
	expect_value lock ""
}

run_tests
