#!/bin/bash
# A prefix of very many keys in a database goes, or is renamed, while other keys are used.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/long_job.sh"

test_a_prefix_of_very_many_keys_goes_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	set_value a/old/more v
	in_the_background rmdir "$MNT/a/old"
	use_other_keys a/old
	expect rows 0 "$(rows_below a/old)"
	expect_absent a/old
	expect_value other/1 v
}

test_invalidate_of_all_goes_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	in_the_background sh -c "echo 'invalidate a/old/' >'$MNT/.cachefs/control'"
	use_other_keys a/old
	expect rows 0 "$(rows_below a/old)"
}

test_a_directory_of_very_many_keys_is_renamed_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	use_other_keys a/old
	expect rows "0 $MANY" "$(rows_below a/old) $(rows_below a/new)"
	expect_value a/new/0000001 "value 1"
	expect_absent a/old
}

run_tests
