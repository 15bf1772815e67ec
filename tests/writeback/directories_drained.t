#!/bin/bash
# Directories that are in the journal are newer than the layers, and the layers get them later.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/directories.sh"

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
