#!/bin/bash
# The bytes of a file: holes, offsets, appends, and the times that reads and writes move.
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

test_punch_hole_zeroes() {
	printf 'abcdefgh' >f
	calls 0 0 8 -- open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 2 3 : fstat 0 size
	calls 0 ab...fgh -- open f O_RDONLY : pread 0 0 9
	calls 0 0 8 -- open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 7 100 : fstat 0 size
	calls 0 ab...fg. -- open f O_RDONLY : pread 0 0 9
	calls 0 0 8 -- open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 100 5 : fstat 0 size
	calls 0 EBADF EOPNOTSUPP -- open f O_RDONLY : fallocate 0 PUNCH_HOLE,KEEP_SIZE 0 1 : fallocate 0 PUNCH_HOLE 0 1
	moves mtime_ns,ctime_ns f "$SYS" open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 0 1
}

test_zero_range_zeroes_and_extends() {
	local got
	printf 'abcdefgh' >f
	got=$("$SYS" open f O_RDWR : fallocate 0 ZERO_RANGE 2 3 | tail -n 1)
	[[ $got != EOPNOTSUPP ]] || skip "this file system cannot"
	calls 0 ab...fgh -- open f O_RDONLY : pread 0 0 9
	calls 0 0 8 -- open f O_RDWR : fallocate 0 ZERO_RANGE,KEEP_SIZE 6 10 : fstat 0 size
	calls 0 0 12 -- open f O_RDWR : fallocate 0 ZERO_RANGE 7 5 : fstat 0 size
	calls 0 ab...f...... -- open f O_RDONLY : pread 0 0 20
}

# In a file that is larger than what is kept on the heap, and through a mapping.
test_holes_in_a_large_file() {
	head -c 5000000 /dev/urandom >f
	cp f g
	calls 0 0 0 -- open f O_RDWR : fallocate 0 PUNCH_HOLE,KEEP_SIZE 1000001 2000000 : fsync 0
	head -c 2000000 /dev/zero | dd of=g bs=1000001 seek=1 conv=notrunc iflag=fullblock status=none
	cmp f g
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
