#!/bin/bash
# open makes files and opens them; an open file stays what it is.
. "$(dirname "$0")/posix.sh"

test_a_new_file_has_the_mode_less_the_umask() {
	ok -m 022 open f O_CREAT,O_WRONLY 0755
	expect_field f type,mode,size,nlink regular,0755,0,1
	ok -m 0 open g O_CREAT,O_WRONLY 0666
	expect_field g mode 0666
	ok -m 0151 open h O_CREAT,O_WRONLY 0777
	expect_field h mode 0626
}

test_a_new_file_belongs_to_its_creator() {
	chmod 777 .
	ok -u 65534 -g 65533 open f O_CREAT,O_WRONLY 0644
	expect_field f uid,gid 65534,65533
}

test_o_excl_fails_on_what_exists() {
	touch f
	mkdir d
	ln -s nowhere l
	calls EEXIST EEXIST EEXIST -- open f O_CREAT,O_EXCL,O_RDWR 0644 : open d O_CREAT,O_EXCL,O_RDWR 0644 : \
		open l O_CREAT,O_EXCL,O_RDWR 0644
}

test_o_trunc_empties_a_file_and_moves_its_times() {
	echo text >f
	moves mtime_ns,ctime_ns f ok open f O_WRONLY,O_TRUNC
	expect_field f size 0
}

test_open_for_reading_moves_no_mtime() {
	echo text >f
	stays mtime_ns,ctime_ns f ok open f O_RDONLY
}

test_creating_a_file_moves_the_times_of_its_directory() {
	mkdir d
	moves mtime_ns,ctime_ns d ok open d/f O_CREAT,O_WRONLY 0644
	stays mtime_ns,ctime_ns d ok open d/f O_CREAT,O_WRONLY 0644
}

test_creation_with_a_mode_that_forbids_writing_still_writes() {
	chmod 777 .
	calls 0 0 0 EACCES -- -u 100 open f O_CREAT,O_RDWR 0 : write 0 text : close 0 : open f O_RDONLY
	expect content text "$(cat f)"
}

test_an_unlinked_file_stays_readable_and_writable() {
	calls 0 0 0 text 0 text,more ENOENT -- open f O_CREAT,O_RDWR 0644 : write 0 text : unlink f : \
		pread 0 0 100 : pwrite 0 4 ,more : pread 0 0 100 : lstat f size
}

test_an_unlinked_open_file_has_no_link() {
	calls 0 0 1 0 0 -- open f O_CREAT,O_RDWR 0644 : write 0 x : fstat 0 nlink : unlink f : fstat 0 nlink
}

test_append_goes_to_the_end() {
	calls 0 0 0 0 abcd -- open f O_CREAT,O_RDWR,O_APPEND 0644 : write 0 ab : pwrite 0 0 c : write 0 d : pread 0 0 9
}

test_a_file_opened_twice_is_one_file() {
	calls 0 0 0 0 abc -- open f O_CREAT,O_RDWR 0644 : open f O_WRONLY : write 1 abc : fsync 1 : pread 0 0 9
}

test_setgid_directories_pass_their_group_on() {
	mkdir d
	chown 0:300 d
	chmod 2777 d
	ok -u 100 -g 200 open d/f O_CREAT,O_WRONLY 0644 : mknod d/m f 0644
	expect_field d/f uid,gid 100,300
	expect_field d/m uid,gid 100,300
}

run_posix_tests
