#!/bin/bash
# Directories under write_back can be made, changed, renamed and removed while no slower layer answers.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/directories.sh"

test_directories_work_while_every_durable_layer_is_away() {
	start_redis
	mount_over_redis
	mkdir "$MNT/before" "$MNT/gone"
	set_value before/k v
	set_value gone/k v # memory has it, so /gone is there without Redis and the kernel's memory
	wait_until 30 is_drained
	stop_redis
	mkdir "$MNT/d" "$MNT/d/e" "$MNT/x"
	chmod 700 "$MNT/d"
	chmod 750 "$MNT/before"
	setfattr -n user.cachefs.ttl -v 1000 "$MNT/d/e"
	set_value d/k value
	rmdir "$MNT/x" "$MNT/gone"
	mv "$MNT/d/e" "$MNT/d/f"
	mkdir "$MNT/d!"
	expect_error "File exists" mkdir "$MNT/d"
	local round
	for round in 1 2 3; do
		expect_list d "f k"
		expect "mode of d" 700 "$(stat -c %a "$MNT/d")"
		expect "type of d/f" directory "$(stat -c %F "$MNT/d/f")"
		expect "TTL of d/f" 1000 "$(get_xattr d/f user.cachefs.ttl)"
		expect_value d/k value
		expect_absent x
		expect_absent gone
		expect_list d/f ""
		[[ $round = 2 ]] || kill_daemon
		[[ $round != 2 ]] || restart_daemon
	done
	start_redis
	wait_until 60 is_drained
	in_redis "" "before d d!"
	in_redis d "f k"
	expect "mode of before" 750 "$(stat -c %a "$MNT/before")"
	kill_daemon
	expect_list "" "before d d!"
	expect_list d "f k"
	expect "mode of d" 700 "$(stat -c %a "$MNT/d")"
	expect "TTL of d/f" 1000 "$(get_xattr d/f user.cachefs.ttl)"
}

run_tests
