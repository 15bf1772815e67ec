#!/bin/bash
# truncate and ftruncate: sizes, times and errors.
. "$(dirname "$0")/posix.sh"

test_shorter_and_longer() {
	printf abcdef >f
	ok truncate f 3
	expect content abc "$(cat f)"
	ok truncate f 6
	calls 0 abc... -- open f O_RDONLY : pread 0 0 9
	ok truncate f 0
	expect_field f size 0
}

test_an_open_file_sees_it() {
	calls 0 0 0 ab 0 ab.. 4 -- open f O_CREAT,O_RDWR 0644 : write 0 abcd : ftruncate 0 2 : pread 0 0 9 : \
		ftruncate 0 4 : pread 0 0 9 : fstat 0 size
}

test_o_trunc_without_writing() {
	printf abc >f
	calls 0 0 0 "" -- open f O_RDONLY,O_TRUNC : fstat 0 size : close 0
	expect_field f size 0
	printf abc >f
	exec {f}<f
	calls 0 0 -- open f O_RDONLY,O_TRUNC : fstat 0 size
	expect content "" "$(cat f)"
	exec {f}<&-
	chmod 444 f
	calls EACCES -- -u 100 open f O_RDONLY,O_TRUNC
}

test_it_moves_the_times() {
	printf abc >f
	moves mtime_ns,ctime_ns f ok truncate f 2
	moves mtime_ns,ctime_ns f ok truncate f 5
	calls 0 -- truncate f 0
}

test_errors() {
	mkdir d
	touch f
	calls ENOENT ENOTDIR EISDIR EINVAL -- truncate no 0 : truncate f/x 0 : truncate d 0 : truncate f -1
	calls 0 EINVAL -- open f O_RDONLY : ftruncate 0 0
}

test_eacces() {
	echo x >f
	chmod 644 f
	calls EACCES -- -u 100 truncate f 0
	calls 0 '*' -- -u 100 open f O_RDONLY : ftruncate 0 0
	expect_field f size 2
}

test_a_huge_size_is_sparse_or_refused_at_once() {
	printf abc >f
	local got
	got=$("$SYS" truncate f 9000000000000000000)
	[[ $got = EFBIG || $got = EINVAL || $got = ENOSPC ]] || fail "truncate to 9e18: $got"
	expect content abc "$(cat f)"
}

test_a_strangers_truncate_clears_the_set_id_bits() {
	printf abc >f
	chown 100:100 f
	chmod 06777 f
	ok -u 101 truncate f 1
	expect_field f mode 0777
}

run_posix_tests
