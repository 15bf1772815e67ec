#!/bin/bash
# Directories under write_back are journaled as sets are: they can be made, changed, renamed and
# removed while no slower layer answers, and the layers get them later.
. "$(dirname "$0")/../lib.sh"

mount_over_redis() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 1}}'
}

# What the layer itself has.
in_redis() {
	local path=$MNT/.cachefs/layers/redis
	expect "in redis: $1" "$2" "$(ls -A "$path/$1" | paste -sd' ')"
}

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

test_an_undrained_directory_is_newer_than_the_layers() {
	mkdir files
	mount --bind files files
	at_end 'umount "$TMP/files"'
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 1}}'
	mkdir "$MNT/d" "$MNT/d/sub"
	wait_until 30 is_drained
	mount -o remount,ro,bind files
	chmod 700 "$MNT/d"
	expect "mode of d" 700 "$(stat -c %a "$MNT/d")"
	expect "mode of d in ls" drwx------ "$(ls -l "$MNT" | awk '/d$/ { print $1 }')"
	kill_daemon
	expect "mode of d" 700 "$(stat -c %a "$MNT/d")"
	expect "owed" 1 "$(journal entries)"
	mount -o remount,rw,bind files
	mv "$MNT/d" "$MNT/e"
	mkdir "$MNT/d"
	wait_until 60 is_drained
	expect "mode of e" 700 "$(stat -c %a "$MNT/e")"
	expect_list "" "d e"
	expect_list e sub
	rmdir "$MNT/d"
	restart_daemon
	expect_list "" e
	expect "mode of e" 700 "$(stat -c %a "$MNT/e")"
}

test_a_directory_that_is_made_again_after_it_was_removed_stays() {
	start_redis
	mount_over_redis
	mkdir "$MNT/d"
	set_value d/k old
	wait_until 30 is_drained
	stop_redis
	rmdir "$MNT/d"
	mkdir "$MNT/d"
	expect_list d ""
	kill_daemon
	expect_list d ""
	start_redis
	wait_until 60 is_drained
	expect_list "" d
	expect_list d ""
	in_redis "" d
	restart_daemon
	expect_list "" d
	expect_list d ""
}

test_flush_and_unmounting_drain_directories() {
	start_redis
	mount_over_redis
	mkdir "$MNT/d"
	control "flush d"
	in_redis "" d
	mkdir "$MNT/d/e" "$MNT/d/f"
	unmount
	expect left 0 "$(state_says state 'SELECT count(*) FROM directories')"
}

test_many_directories_are_listed_in_order_and_drained() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	(cd "$MNT" && mkdir -p d && cd d && mkdir $(seq -f 'n%03g' 0 299) && touch $(seq -f 'n%03g!' 0 9))
	(cd "$MNT/d" && ls -AU | sort) >first
	wait_until 60 is_drained
	(cd "$MNT/d" && ls -AU | sort) >second
	cmp first second
	expect names 310 "$(wc -l <second)"
	expect repeated "" "$(uniq -d second)"
	restart_daemon
	expect names 310 "$(ls "$MNT/d" | wc -l)"
}

run_tests
