#!/bin/bash
# A rename in the file layer that a crash cuts off leaves each key once.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

has_moved_some() {
	[[ $(find files -name 'to_*.json' | wc -l) -gt "$1" ]]
}

test_a_directory_whose_rename_was_cut_off_is_renamed_whole() {
	mount_files
	mkdir "$MNT/from" "$MNT/from/sub"
	python3 - "$MNT" <<'END'
import sys
for i in range(500):
    with open("%s/from/%s%04d" % (sys.argv[1], "sub/" if i % 2 else "", i), "w") as f:
        f.write("value %d" % i)
END
	set_value other x
	set_value tool y
	local cut=0 round from=from to=to
	for round in 1 2; do
		rename_and_kill "$from" "$to"
		expect_list "" "other $to tool"
		expect "keys" 500 "$(find "$MNT/$to" -type f | wc -l)"
		expect_value "$to/0000" "value 0"
		expect_value "$to/sub/0499" "value 499"
		expect "notes left" 0 "$(find files -name '.cachefs-rename' | wc -l)"
		mv "$MNT/$to" "$MNT/$from"
	done
	((cut > 0)) || fail "no rename was cut off"
	expect "files" 502 "$(ls files | wc -l)"
}

# rename_and_kill FROM TO: kill -9 once some keys have moved; counts in $cut that not all had.
rename_and_kill() {
	mv "$MNT/$1" "$MNT/$2" 2>/dev/null &
	local mover=$!
	wait_until 60 has_moved_some $((round * 30))
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	wait "$mover" || true
	[[ $(find files -name "$1_*.json" | wc -l) = 0 ]] || ((++cut))
	fusermount3 -u -z "$MNT"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

# cut_off_rename FROM TO: as a kill -9 in the middle of it leaves the files, the new one beside the old.
cut_off_rename() {
	ln "files/$1.json" old
	mv "$MNT/$1" "$MNT/$2"
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	fusermount3 -u -z "$MNT"
	mv old "files/$1.json"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

test_a_rename_that_was_cut_off_leaves_one_key() {
	mount_files
	set_value b value
	set_value over x
	python_set python '{"n": 1}' None
	cut_off_rename b over
	expect_list "" "over python"
	expect_value over value
	cut_off_rename over b
	expect_list "" "b python"
	cut_off_rename b a
	expect_list "" "a python"
	expect_value a value
	mv "$MNT/python" "$MNT/was python's"
	cut_off_rename "was python's" $'odd\xff'
	expect_list "" $'a odd\xff'
	expect files 2 "$(ls files | wc -l)"
	# what has the old name now is no leftover, nor is the new one when it is rewritten
	set_value b value
	restart_daemon
	mv "$MNT/a" "$MNT/c"
	set_value c again
	python_set a '{"n": 1}' None
	restart_daemon
	expect_list "" $'a b c odd\xff'
	expect_value b value
	expect_value c again
}

test_kill_leaves_no_temporary_files() {
	mount_files
	(while echo x >"$MNT/k"; do :; done) 2>/dev/null &
	local writer=$!
	wait_until 10 test -e "$MNT/k"
	touch files/.cachefs-tmp-1-1
	kill_daemon
	kill "$writer" 2>/dev/null || true
	wait "$writer" 2>/dev/null || true
	wait_until 10 no_temporary_files
	ls "$MNT" >/dev/null
}

no_temporary_files() {
	[[ $(find files -name '.cachefs-tmp*' | wc -l) = 0 ]]
}

run_tests
