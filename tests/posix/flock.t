#!/bin/bash
# flock excludes whatever way the file is opened, is shared by a fork and kept by a dup.
. "$(dirname "$0")/posix.sh"
. "$(dirname "$0")/lock.sh"

test_flock_excludes_whatever_way_the_file_is_opened() {
	with_hands
	local mine other
	for mine in r w rw w,append; do
		tell a open lock "$mine"
		tell a flock ex
		for other in r w rw rw,append; do
			tell b open lock "$other"
			expect_told EAGAIN b flock ex
			expect_told EAGAIN b flock sh
			tell b close
		done
		tell a close
		tell b open lock r
		soon b flock ex
		tell b close
	done
}

test_a_refused_flock_conversion_gives_up_what_was_held() {
	with_hands
	tell a open lock r
	tell b open lock r
	tell a flock sh
	tell b flock sh
	expect_told EAGAIN a flock ex
	tell b flock ex
	expect_told EAGAIN a flock sh
	tell b flock sh
	tell a flock sh
}

test_a_flock_is_shared_by_a_fork_and_kept_by_a_dup() {
	with_hands
	tell a open lock r
	tell b open lock r
	tell a flock ex
	tell a dupclose
	expect_told EAGAIN b flock ex
	tell a fork
	local child=$ANSWER
	tell a close
	expect_told EAGAIN b flock ex
	kill -9 "$child"
	soon b flock ex
}

test_a_file_of_the_same_name_is_another_lock() {
	with_hands
	tell a open lock rw
	tell a flock ex
	rm lock
	echo new >lock
	tell b open lock rw
	tell b flock ex
	mv lock other
	tell c open other r
	expect_told EAGAIN c flock sh
}

run_posix_tests
