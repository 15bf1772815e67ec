#!/bin/bash
# mkdir: mode, owner, times and errors.
. "$(dirname "$0")/posix.sh"

test_a_new_directory_has_the_mode_less_the_umask() {
	ok -m 022 mkdir d 0777
	expect_field d type,mode dir,0755
	ok -m 077 mkdir e 0711
	expect_field e mode 0700
}

test_a_new_directory_belongs_to_its_creator() {
	chmod 777 .
	ok -u 100 -g 200 mkdir d 0755
	expect_field d uid,gid 100,200
}

test_a_setgid_directory_passes_group_and_bit_on() {
	mkdir d
	chown 0:300 d
	chmod 2777 d
	ok -u 100 -g 200 mkdir d/e 0755
	expect_field d/e uid,gid,mode 100,300,02755
}

test_making_a_directory_moves_the_times_of_its_parent() {
	mkdir d
	moves mtime_ns,ctime_ns d ok mkdir d/e 0755
	stays mtime_ns,ctime_ns d calls EEXIST -- mkdir d/e 0755
}

test_eexist() {
	mkdir d
	touch f
	ln -s nowhere l
	calls EEXIST EEXIST EEXIST EEXIST -- mkdir d 0755 : mkdir f 0755 : mkdir l 0755 : mkdir . 0755
}

test_errors_of_the_path() {
	make_wrong_paths
	calls ENOENT ENOTDIR ELOOP ENAMETOOLONG -- mkdir no/d 0755 : mkdir f/d 0755 : mkdir a/d 0755 : mkdir "$n" 0755
}

test_eacces() {
	mkdir d
	calls EACCES -- -u 100 mkdir d/e 0755
	chmod 600 d
	chown 100 d
	calls EACCES -- -u 100 mkdir d/e 0755
}

test_a_directory_can_be_made_again_after_rmdir() {
	ok mkdir d 0700 : rmdir d : mkdir d 0755
	expect_field d mode 0755
}

run_posix_tests
