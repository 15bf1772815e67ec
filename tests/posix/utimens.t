#!/bin/bash
# utimens: which times it sets, and who may.
. "$(dirname "$0")/posix.sh"

test_nanoseconds_are_kept() {
	touch f
	mkdir d
	ok utimens f 1000000000.123456789 1000000001.987654321 : utimens d 1 2.000000001
	expect_field f mtime_ns 1000000001.987654321
	expect_field d mtime_ns 2.000000001
}

test_atime_is_what_was_set() {
	touch f
	mkdir d
	ok utimens f 1000000000.123456789 1000000001 : utimens d 3.000000004 5
	expect_field f atime_ns 1000000000.123456789
	expect_field d atime_ns 3.000000004
	ok utimens f OMIT 7 : utimens d 8 OMIT
	expect_field f atime_ns 1000000000.123456789
	expect_field d atime_ns 8.000000000
	expect_field d mtime 5
	chmod 600 f
	expect_field f atime_ns 1000000000.123456789
	ok utimens f NOW OMIT
	(($(field f atime) > 1500000000))
	expect_field f mtime 7
}

test_times_past_2038_and_2106() {
	touch f
	ok utimens f 4294967296 4294967296.5
	expect_field f mtime_ns 4294967296.500000000
	ok utimens f 1 15000000000
	expect_field f mtime 15000000000
}

test_times_before_1970() {
	touch f
	ok utimens f 0 -86400
	expect_field f mtime -86400
}

test_omit_leaves_mtime() {
	touch f
	ok utimens f 5 1000000000
	ok utimens f NOW OMIT
	expect_field f mtime_ns 1000000000.000000000
	ok utimens f 7 OMIT
	expect_field f mtime 1000000000
}

test_now_on_either_side_alone() {
	touch f
	ok utimens f 5 1000000000 : utimens f OMIT NOW
	(($(field f mtime) > 1500000000))
	ok utimens f 5 1000000000 : utimens f 5 NOW
	(($(field f mtime) > 1500000000))
	ok utimens f NOW 1000000000
	expect_field f mtime 1000000000
}

test_it_moves_ctime() {
	touch f
	moves ctime_ns f ok utimens f 5 1000000000
	stays ctime_ns f ok utimens f OMIT OMIT
}

test_a_link_has_its_own_time() {
	touch -d @1000000000 f
	ln -s f l
	ok lutimens l 5 6
	expect_field l mtime 6
	expect_field f mtime 1000000000
	ok utimens l 5 7
	expect_field f mtime 7
}

test_an_open_file_keeps_the_time_after_close() {
	calls 0 0 0 1000000000 0 -- open f O_CREAT,O_RDWR 0644 : write 0 x : futimens 0 5 1000000000 : fstat 0 mtime : close 0
	expect_field f mtime 1000000000
	expect content x "$(cat f)"
}

test_who_may() {
	touch f
	chown 100 f
	chmod 0666 f
	calls 0 EPERM EPERM -- -u 101 utimens f NOW NOW : utimens f 5 6 : utimens f OMIT NOW
	chmod 0644 f
	calls EACCES -- -u 101 utimens f NOW NOW
	ok -u 100 utimens f 5 6
}

test_errors_of_the_path() {
	touch f
	calls ENOENT ENOTDIR -- utimens no 1 1 : utimens f/x 1 1
}

test_reading_does_not_move_mtime_and_writing_does() {
	echo x >f
	stays mtime_ns f cat f
	moves mtime_ns,ctime_ns f calls 0 0 0 -- open f O_WRONLY : write 0 y : close 0
}

run_posix_tests
