#!/bin/bash
# Filters read and write files on the mount, and logs are rotated under their writer.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

test_jq_reads_and_writes() {
	mount_for_editors
	printf '{"a": [1, 2, 0.10], "b": "x"}\n' >"$MNT/data.json"
	jq -c '.a += [3]' "$MNT/data.json" >"$MNT/data.json.new"
	mv "$MNT/data.json.new" "$MNT/data.json"
	expect jq 4 "$(jq '.a | length' "$MNT/data.json")"
}

test_sort_with_its_temporary_files_on_the_mount() {
	mount_for_editors
	mkdir "$MNT/tmp"
	seq 200000 -1 1 >numbers
	sort -n -S 256k -T "$MNT/tmp" numbers -o "$MNT/sorted"
	seq 200000 | cmp - "$MNT/sorted"
	expect_list tmp ""
	sort -rn "$MNT/sorted" -o "$MNT/sorted"
	seq 200000 -1 1 | cmp - "$MNT/sorted"
}

test_split_and_cat_give_the_same_file() {
	mount_for_editors
	random_file whole 1000000
	split -b 65536 whole "$MNT/part."
	expect parts 16 "$(ls "$MNT" | grep -c '^part\.')"
	cat "$MNT"/part.* | cmp - whole
}

test_dd_direct_append_and_exclusive() {
	mount_for_editors
	random_file whole 65536
	dd if=whole of="$MNT/k" bs=4096 oflag=direct status=none
	cmp whole "$MNT/k"
	dd if="$MNT/k" of=copy bs=4096 iflag=direct status=none
	cmp whole copy
	dd if=whole of="$MNT/k" bs=4096 oflag=append conv=notrunc status=none
	cat whole whole | cmp - "$MNT/k"
	expect_error "File exists" dd if=whole of="$MNT/k" conv=excl status=none
	printf XYZ | dd of="$MNT/k" bs=1 seek=100 conv=notrunc status=none
	expect "in place" XYZ "$(dd if="$MNT/k" bs=1 skip=100 count=3 status=none)"
	expect size 131072 "$(stat -c %s "$MNT/k")"
}

# The writer keeps its descriptor over the rename until it is told to open the name again.
test_a_log_is_rotated_under_its_writer() {
	mount_for_editors
	tell w open log w,creat,append
	tell w write "first "
	mv "$MNT/log" "$MNT/log.1"
	tell w write "late "
	tell w close
	expect_value log.1 "first late "
	tell w open log w,creat,append
	tell w write "new"
	tell w close
	expect_value log new
	gzip -k "$MNT/log.1"
	expect gzip "first late " "$(zcat "$MNT/log.1.gz")"
}

test_a_log_is_copied_and_truncated_under_its_writer() {
	mount_for_editors
	tell w open log w,creat,append
	tell w write "first"
	tell w fsync
	cp "$MNT/log" "$MNT/log.1"
	truncate -s 0 "$MNT/log"
	tell w write "second"
	tell w close
	expect_value log.1 first
	expect_value log second
}

run_tests
