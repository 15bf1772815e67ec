#!/bin/bash
# max_files: the file layer evicts what was set longest ago, also after a restart and when other programs add
# files.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

test_the_oldest_is_evicted_also_after_a_restart() {
	mount_files '"max_files": 3'
	local i
	for i in 1 2 3 4; do
		set_value "$i" x
	done
	expect_list "" "2 3 4"
	cat "$MNT/2" >/dev/null
	chmod 600 "$MNT/2"
	restart_daemon
	set_value 5 x
	expect_list "" "3 4 5"
	set_value 3 again
	set_value 6 x
	expect_list "" "3 5 6"
	expect files 3 "$(ls files | wc -l)"
}

test_what_is_no_set_keeps_the_turn_to_be_evicted() {
	mount_files '"max_files": 4'
	local i
	for i in 1 2 3 4; do
		set_value "$i" x
	done
	chmod 600 "$MNT/1"
	mv "$MNT/2" "$MNT/two"
	touch -d @1000000000 "$MNT/3"
	set_value 5 x
	expect_list "" "3 4 5 two"
	set_value 6 x
	expect_list "" "3 4 5 6"
	set_value 7 x
	expect_list "" "4 5 6 7"
	mv "$MNT/7" "$MNT/4"
	set_value 8 x
	set_value 9 x
	expect_list "" "4 6 8 9"
}

test_max_files_holds_for_what_was_added_before_the_start() {
	python3 "$ROOT/tests/helpers/package.py" files files many k 20 >/dev/null
	mount_files '"max_files": 4'
	wait_until 20 files_are 4
	unmount
	python3 "$ROOT/tests/helpers/package.py" files files many j 20 >/dev/null
	start_daemon "$TMP/cachefs.json"
	wait_until 20 files_are 4
	expect "entries" 4 "$(layer_stat file entries)"
}

files_are() {
	[[ $(ls files/*.json | wc -l) = "$1" ]]
}

test_touch_makes_a_file_the_newest_also_after_a_restart() {
	mount_files '"max_files": 3'
	local i
	for i in 1 2 3; do
		set_value "$i" x
	done
	touch "$MNT/1"
	set_value 4 x
	expect_list "" "1 3 4"
	touch "$MNT/3"
	restart_daemon
	set_value 5 x
	expect_list "" "3 4 5"
}

has_files() {
	[[ $(ls files | wc -l) = "$1" ]]
}

test_the_limit_holds_for_files_that_another_program_adds() {
	mount_files '"max_files": 3'
	set_value a x
	set_value b x
	python3 "$ROOT/tests/helpers/package.py" files files many p 5 >/dev/null
	wait_until 20 has_files 3
	expect_list "" "p2 p3 p4"
	python3 "$ROOT/tests/helpers/package.py" files files set q '{"a": 1}' >/dev/null
	wait_until 20 has_files 3
	expect_list "" "p3 p4 q"
	expect evictions 5 "$(jq '.layers[] | select(.type == "file") | .evictions' "$MNT/.cachefs/stats.json")"
}

run_tests
