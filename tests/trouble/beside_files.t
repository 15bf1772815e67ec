#!/bin/bash
# A directory of JSON files, and a log file, that are removed while the daemon uses them.
. "$(dirname "$0")/../lib.sh"

# survives_without_its_directory COMMAND...: what the file layer acknowledges from then on is at its path
survives_without_its_directory() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_many a 5
	"$@"
	set_many b 5
	expect_many b 5
	kill_daemon
	expect_many b 5
	expect_absent a1
}

test_a_directory_of_json_files_that_is_removed() {
	survives_without_its_directory rm -r files
}

test_a_directory_of_json_files_that_is_moved_away() {
	survives_without_its_directory mv files elsewhere
}

test_a_log_file_that_is_removed_is_made_anew() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"log_file": "said"}}'
	set_many a 5
	rm said db.sqlite-wal
	wait_until 60 grep -qs 'its -wal file was removed' said
}

test_a_pipe_as_a_log_file_is_no_wait() {
	mkfifo said
	printf '%s\n' '{"layers": [{"type": "memory"}], "cachefs": {"log_file": "said"}}' >cachefs.json
	expect_error "said" timeout 60 "$CACHEFS" -f cachefs.json "$MNT"
	expect "status" 1 "$(timeout 60 "$CACHEFS" -f cachefs.json "$MNT" >/dev/null 2>&1 || echo $?)"
}

run_tests
