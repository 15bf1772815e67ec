#!/bin/bash
# A directory of very many files goes, or is renamed, while other keys are used.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/long_job.sh"

# FILES files of the type "file" with keys below the directory.
add_files() {
	mkdir -p files
	awk -v dir="$1" -v name="${1//\//_}" -v files="$FILES" 'BEGIN {
		for (i = 1; i <= files; i++) {
			file = "files/" name "_" i ".json"
			printf "{\"key\": \"%s/%d\", \"payload\": {\"text\": \"value\"}, \"expires_at\": null}\n", dir, i >file
			close(file)
		}
	}'
}

files_below() {
	find "$TMP/files" -name "${1//\//_}_*.json" | wc -l
}

mount_files() {
	BELOW=files_below ALL=FILES
	add_files a/old
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	grep -q value "$MNT/a/old/$FILES"
	mkdir "$MNT/other"
}

test_a_prefix_of_many_files_goes_while_other_keys_are_used() {
	mount_files
	in_the_background rmdir "$MNT/a/old"
	use_other_keys a/old
	expect files 0 "$(files_below a/old)"
	expect_absent a/old
}

test_a_directory_of_many_files_is_renamed_while_other_keys_are_used() {
	mount_files
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	use_other_keys a/old
	expect "names" "$FILES" "$(ls "$MNT/a/new" | wc -l)"
	expect_absent a/old
	grep -q value "$MNT/a/new/$FILES"
}

moved_some() {
	(($(rows_below a/new) > 0))
}

test_a_rename_that_a_crash_interrupts_is_whole_after_the_restart() {
	add_rows db.sqlite a/old
	mount_stack
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	wait_until 100 moved_some
	kill_daemon
	expect rows "0 $MANY" "$(rows_below a/old) $(rows_below a/new)"
	expect_value "a/new/$(printf %07d $MANY)" "value $MANY"
	expect_absent a/old
}

run_tests
