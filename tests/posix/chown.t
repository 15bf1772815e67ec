#!/bin/bash
# chown: owner and group, the bits that it clears, and who may.
. "$(dirname "$0")/posix.sh"

test_owner_and_group_each_alone_and_both() {
	touch f
	ok chown f 100 200
	expect_field f uid,gid 100,200
	ok chown f 101 -1
	expect_field f uid,gid 101,200
	ok chown f -1 201
	expect_field f uid,gid 101,201
}

test_it_follows_links_and_lchown_does_not() {
	touch f
	ln -s f l
	ok chown l 100 100 : lchown l 101 101
	expect_field f uid,gid 100,100
	expect_field l uid,gid 101,101
}

test_directories() {
	mkdir d
	ok chown d 100 200
	expect_field d uid,gid 100,200
}

test_it_moves_ctime_alone() {
	touch f
	moves ctime_ns f ok chown f 100 100
	stays mtime_ns f ok chown f 101 101
}

test_it_clears_the_set_id_bits_of_a_program() {
	touch f
	chmod 06755 f
	ok chown f 100 100
	expect_field f mode 0755
	chmod 06755 f
	ok -u 100 -g 100,101 chown f -1 101
	expect_field f mode 0755
	chmod 06644 f
	ok chown f 100 100
	expect_field f mode 02644
	chmod 06755 f
	ok -u 100 -g 100 chmod f 04711
	expect_field f mode 04711
}

test_eperm() {
	touch f
	chown 100:100 f
	calls EPERM EPERM -- -u 100 -g 100 chown f 101 -1 : chown f -1 101
	ok -u 100 -g 100,102 chown f -1 102
	calls EPERM -- -u 101 chown f 101 101
	expect_field f uid,gid 100,102
}

test_errors_of_the_path() {
	touch f
	calls ENOENT ENOTDIR -- chown no 0 0 : chown f/x 0 0
}

run_posix_tests
