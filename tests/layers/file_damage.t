#!/bin/bash
# Files of the file layer that are damaged, or cannot be removed, and a directory that is gone.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

test_what_has_expired_is_gone_where_nothing_can_be_removed() {
	small_disk 8
	mount_with '{"type": "file", "options": {"directory": "store/files"}}'
	mkdir "$MNT/d"
	set_value k value
	set_value d/k value
	set_ttl d/k 0.5
	mount -o remount,ro store
	wait_until 10 is_gone d/k
	expect_list d ""
	expect_list "" "d k"
	expect_value k value
	test -e store/files/d_k.json
	mount -o remount,rw store
	set_value d/k again
	expect_list d k
}

test_a_directory_that_was_removed_is_made_anew() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}]}'
	set_value k value
	rm -r files
	set_value new value
	expect_miss k
	expect_list "" new
	expect bytes "$(cat files/*.json | wc -c)" "$(layer_stat file bytes)"
	rm -r files
	mkdir files
	python_set python 1 None
	expect_value python 1
	python_set python 2 None
	expect_value python 2
	restart_daemon
	expect_list "" python
}

test_a_damaged_file_is_a_miss_and_stays_until_its_key_is_set() {
	mount_files
	set_value k value
	set_value other value
	set_value cut '{"n": 12345678}'
	restart_daemon
	sed -i 's/"payload": "value"/"payload": "val/' files/k.json
	expect_miss k
	grep -q 'k.json: not an entry, or damaged' "$LOG"
	truncate -s -8 files/cut.json
	expect_miss cut
	echo 'not JSON' >files/broken.json
	expect_miss broken
	restart_daemon
	expect_value other value
	expect_miss broken
	expect "the file" 'not JSON' "$(<files/broken.json)"
	set_value broken new
	expect_value broken new
	set_value k new
	expect_value k new
}

test_what_cannot_be_got_is_not_listed() {
	mount_files
	set_value k value
	set_value cut value
	set_value cut-later value
	restart_daemon
	truncate -s -3 files/cut.json
	echo '{"payload": ' >files/half.json
	wait_until 10 lists "" "cut-later k"
	restart_daemon
	expect_list "" "cut-later k"
	truncate -s -3 files/cut-later.json
	expect_miss cut-later
	expect_absent cut-later
	expect_absent cut
	expect_absent half
	set_value cut again
	expect_value cut again
	expect_list "" "cut k"
}

run_tests
