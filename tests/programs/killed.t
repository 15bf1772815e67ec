#!/bin/bash
# Programs that are killed, dump core or look for changes.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

test_inotifywait_sees_create_close_move_and_delete_in_a_directory() {
	type inotifywait >/dev/null 2>&1 || skip "no inotifywait"
	mount_for_programs
	mkdir "$MNT/d"
	inotifywait -m -q -e create,close_write,moved_to,moved_from,delete --format '%e %f' "$MNT/d" >events 2>watching &
	local pid=$!
	at_end "kill $pid 2>/dev/null"
	wait_until 20 grep -q "inotify" "/proc/$pid/fdinfo/3"
	echo one >"$MNT/d/new"
	mv "$MNT/d/new" "$MNT/d/moved"
	echo two >>"$MNT/d/moved"
	rm "$MNT/d/moved"
	wait_until 20 grep -q "DELETE moved" events
	expect events "CREATE new,CLOSE_WRITE,CLOSE new,MOVED_FROM new,MOVED_TO moved,CLOSE_WRITE,CLOSE moved,DELETE moved" \
		"$(paste -sd, events)"
}

test_a_killed_dd_publishes_nothing() {
	local size
	mount_for_programs
	set_value k old
	dd if=/dev/zero of="$MNT/k" bs=4k 2>/dev/null &
	local pid=$!
	wait_until 20 has_written "$pid"
	kill -9 "$pid"
	wait "$pid" || true
	expect_value k old
}

has_written() {
	[[ $(awk '$1 == "wchar:" { print $2 }' "/proc/$1/io") -gt 8192 ]]
}

test_a_program_that_dumps_core_publishes_nothing() {
	mount_for_programs
	set_value k old
	(
		ulimit -c unlimited
		cd "$TMP"
		exec python3 -c 'import os, sys
f = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(f, b"half")
os.abort()' "$MNT/k"
	) || true
	expect_value k old
}

run_tests
