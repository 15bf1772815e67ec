#!/bin/bash
# rmdir: what goes, times and errors.
. "$(dirname "$0")/posix.sh"

test_a_removed_directory_is_gone() {
	ok mkdir d 0755 : rmdir d
	calls ENOENT ENOENT -- lstat d mode : rmdir d
}

test_enotempty() {
	mkdir d e g
	touch d/f
	mkdir e/e
	ln -s nowhere g/l
	calls ENOTEMPTY ENOTEMPTY ENOTEMPTY -- rmdir d : rmdir e : rmdir g
	test -e d/f
}

# What rmdir is for on a mount as it comes: tests/dir/rmdir.t.

test_removing_moves_the_times_of_the_parent() {
	mkdir d d/e d/f
	touch d/f/x
	moves mtime_ns,ctime_ns d ok rmdir d/e
	stays mtime_ns,ctime_ns d calls ENOTEMPTY -- rmdir d/f
}

test_errors_of_the_path() {
	touch f
	mkdir d
	ln -s d l
	ln -s a b
	ln -s b a
	calls ENOTDIR ENOTDIR ENOTDIR ENOENT ELOOP -- rmdir f : rmdir f/x : rmdir l : rmdir no/d : rmdir a/x
	calls EINVAL ENOTEMPTY -- rmdir d/. : rmdir d/..
}

test_eacces_without_write_permission_on_the_parent() {
	mkdir d d/e
	chown 100 d/e
	calls EACCES -- -u 100 rmdir d/e
}

test_the_sticky_bit_leaves_removal_to_owners() {
	mkdir d d/a d/b d/c
	chmod 1777 d
	chown 100 d/a
	chown 101 d/b
	calls 0 EPERM EPERM -- -u 100 rmdir d/a : rmdir d/b : rmdir d/c
	chown 100 d
	calls 0 -- -u 100 rmdir d/b
}

test_nothing_can_be_made_in_a_removed_working_directory() {
	mkdir d
	calls 0 0 ENOENT ENOENT -- chdir d : rmdir ../d : open f O_CREAT,O_WRONLY 0644 : mkdir e 0755
}

run_posix_tests
