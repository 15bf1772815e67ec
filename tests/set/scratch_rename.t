#!/bin/bash
# Renames of temporary files: to one another, with NOREPLACE, with their directory, and one that fails.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

test_from_one_temporary_name_to_another() {
	mount_stack
	set_value a.tmp a
	set_value b.part b
	mv "$MNT/a.tmp" "$MNT/b.part"
	expect_value b.part a
	expect_list "" b.part
	set_value c.tmp c
	mv -n "$MNT/c.tmp" "$MNT/b.part" || true
	expect_value b.part a
	expect_value c.tmp c
	expect "scratch files" 2 "$(stat_of .memory.scratch_files)"
	expect_layers_untouched
}

test_no_replace_is_kept() {
	mount_stack
	set_value k old
	set_value k.tmp new
	"$HELPERS/sys" rename2 "$MNT/k.tmp" "$MNT/k" NOREPLACE >answer
	expect "rename2" EEXIST "$(<answer)"
	expect_value k old
	expect_value k.tmp new
}

test_a_directory_is_renamed_and_removed_with_its_temporary_files() {
	mount_stack
	mkdir "$MNT/d" "$MNT/dir.tmp"
	set_value d/k.tmp x
	set_value dir.tmp/k y
	expect "sets" 1 "$(stat_of .sets)"
	mv "$MNT/d" "$MNT/e"
	expect_value e/k.tmp x
	mkdir "$MNT/f"
	expect_error "not empty" mv -T "$MNT/dir.tmp" "$MNT/e"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/e"
	expect_error "not empty" rmdir "$MNT/e"
	setfattr -x user.cachefs.rmdir "$MNT/e"
	open_reader r e/k.tmp
	rmdir "$MNT/e"
	expect_absent e/k.tmp
	expect_read r x
	tell r close
	expect "scratch files, bytes" '[0,0]' "$(stat_of '[.memory.scratch_files, .memory.pending_bytes]')"
	expect_value dir.tmp/k y
}

test_a_failed_rename_leaves_the_temporary_file_as_it_was() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 50000}}], "cachefs": {}}'
	set_value k old
	random_file whole 60000
	cp whole "$MNT/k.tmp"
	expect_error "too large" mv "$MNT/k.tmp" "$MNT/k"
	cmp whole "$MNT/k.tmp"
	expect_value k old
	truncate -s 1000 "$MNT/k.tmp"
	mv "$MNT/k.tmp" "$MNT/k"
	head -c 1000 whole | cmp - "$MNT/k"
}

run_tests
