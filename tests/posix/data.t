#!/bin/bash
. "$(dirname "$0")/posix.sh"

test_a_hole_reads_as_zeros() {
	calls 0 0 ....x 5 -- open f O_CREAT,O_RDWR 0644 : pwrite 0 4 x : pread 0 0 9 : fstat 0 size
	expect bytes 0000000078 "$(xxd -p f)"
}

test_reads_beyond_the_end_are_empty() {
	printf abc >f
	calls 0 0 c 0 -- open f O_RDONLY : pread 0 3 9 : pread 0 2 9 : pread 0 1000000 9
}

test_seek_data_and_hole() {
	printf abc >f
	calls 0 0 3 ENXIO ENXIO -- open f O_RDONLY : seek 0 DATA 0 : seek 0 HOLE 0 : seek 0 DATA 3 : seek 0 HOLE 4
}

test_plain_fallocate_extends() {
	calls 0 0 0 4096 abc. -- open f O_CREAT,O_RDWR 0644 : write 0 abc : fallocate 0 PLAIN 0 4096 : fstat 0 size : pread 0 0 4
}

test_fallocate_keep_size_keeps_it() {
	local got
	printf abc >f
	got=$("$SYS" open f O_RDWR : fallocate 0 KEEP_SIZE 0 4096 | tail -n 1)
	[[ $got = 0 || $got = EOPNOTSUPP ]] || fail "fallocate: $got"
	expect_field f size 3
}

test_punch_hole_zeroes_or_is_refused() {
	local got
	printf 'abcdefgh' >f
	got=$("$SYS" open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 2 3 | tail -n 1)
	if [[ $got = EOPNOTSUPP ]]; then
		expect content abcdefgh "$(cat f)"
	else
		expect result 0 "$got"
		calls 0 ab...fgh -- open f O_RDONLY : pread 0 0 9
	fi
}

test_copy_file_range() {
	printf abcdefgh >f
	calls 0 0 5 bcdef -- open f O_RDONLY : open g O_CREAT,O_RDWR 0644 : copy 0 1 1 0 5 : pread 1 0 9
	expect content bcdef "$(cat g)"
}

test_appending_by_many_processes_loses_nothing() {
	local i pids=()
	for i in 1 2 3 4 5 6; do
		(for ((n = 0; n < 50; n++)); do echo "$i line $n" >>f; done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect lines 300 "$(wc -l <f)"
	expect different 300 "$(sort -u f | wc -l)"
}

test_mmap_writes_reach_the_file() {
	calls 0 0 0 abXYef -- open f O_CREAT,O_RDWR 0644 : write 0 abcdef : mmap 0 6 2 XY : pread 0 0 9
	expect content abXYef "$(cat f)"
}

test_beyond_4_gib() {
	[[ ${LONG:-} ]] || skip "tests/run --long runs it"
	calls 0 0 4294967301 tail -- open f O_CREAT,O_RDWR 0644 : pwrite 0 4294967297 tail : fstat 0 size : pread 0 4294967297 9
	calls 0 . -- open f O_RDONLY : pread 0 4294967296 1
}

test_blocks_follow_the_size() {
	head -c 100000 /dev/urandom >f
	sync f
	local blocks
	blocks=$(field f blocks)
	((blocks * 512 >= 100000 && blocks * 512 < 300000)) || fail "st_blocks $blocks for 100000 bytes"
}

run_posix_tests
