#!/bin/bash
# unlink: what goes, times and errors.
. "$(dirname "$0")/posix.sh"

test_an_unlinked_file_is_gone() {
	touch f
	ln -s nowhere l
	ok unlink f : unlink l
	calls ENOENT ENOENT ENOENT -- lstat f mode : lstat l mode : unlink f
}

test_unlinking_moves_the_times_of_the_directory() {
	mkdir d
	touch d/f
	moves mtime_ns,ctime_ns d ok unlink d/f
	stays mtime_ns,ctime_ns d calls ENOENT -- unlink d/f
}

test_eisdir() {
	mkdir d
	calls EISDIR -- unlink d
}

test_errors_of_the_path() {
	make_wrong_paths
	calls ENOTDIR ENOENT ELOOP ENAMETOOLONG -- unlink f/x : unlink no/f : unlink a/x : unlink "$n"
}

test_eacces() {
	mkdir d
	touch d/f
	chown 100 d/f
	calls EACCES -- -u 100 unlink d/f
	chmod 777 d
	ok -u 101 unlink d/f
}

test_the_sticky_bit_leaves_removal_to_owners() {
	mkdir d
	touch d/a d/b
	chmod 1777 d
	chown 100 d/a
	chown 101 d/b
	calls 0 EPERM -- -u 100 unlink d/a : unlink d/b
	chown 100 d
	ok -u 100 unlink d/b
}

test_a_link_is_removed_and_not_its_target() {
	echo text >f
	ln -s f l
	ok unlink l
	expect content text "$(cat f)"
}

test_the_name_is_free_for_another_file_while_the_old_one_is_open() {
	calls 0 0 0 0 0 old new -- open f O_CREAT,O_RDWR 0644 : write 0 old : unlink f : \
		open f O_CREAT,O_RDWR 0644 : write 1 new : pread 0 0 9 : pread 1 0 9
	expect content new "$(cat f)"
}

run_posix_tests
