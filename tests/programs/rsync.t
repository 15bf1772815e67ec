#!/bin/bash
# rsync copies trees, finds nothing to do the next time, and removes what is gone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"
. "$(dirname "$0")/copy.sh"

test_rsync_a_copies_and_then_finds_nothing_to_do() {
	mount_and_make_source
	rsync -a src/ "$MNT/in/"
	expect_same_tree src "$MNT/in"
	expect "second run" "" "$(rsync -ai src/ "$MNT/in/")"
	restart_daemon
	expect "after a restart" "" "$(rsync -ai --omit-dir-times src/ "$MNT/in/")"
}

test_rsync_ax_carries_attributes_and_ttls() {
	mount_and_make_source
	give_attributes src
	rsync -aX src/ "$MNT/in/"
	expect_attributes "$MNT/in"
	set_ttl in/plain 5000
	rsync -aX "$MNT/in/" "$MNT/again/"
	expect_same_tree src "$MNT/again"
	expect_attributes "$MNT/again"
	expect_ttl_about "$MNT/again/plain" 5000
}

test_rsync_delete_removes_what_is_gone_and_nothing_else() {
	mount_and_make_source
	rsync -a src/ "$MNT/in/"
	rm -r src/deep/er src/plain
	echo new >src/new
	rsync -a --delete src/ "$MNT/in/"
	diff -r --no-dereference src "$MNT/in"
}

test_rsync_inplace_and_partial() {
	mount_and_make_source
	rsync -a --inplace src/ "$MNT/in/"
	printf 'changed' | dd of=src/deep/er/large bs=1 seek=1000 conv=notrunc status=none
	rsync -a --inplace --no-whole-file src/ "$MNT/in/"
	rsync -a --partial src/ "$MNT/partial/"
	expect_same_tree src "$MNT/in"
	expect_same_tree src "$MNT/partial"
}

run_tests
