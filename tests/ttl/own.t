#!/bin/bash
# An entry's own end, and the ends that layers give their copies.
. "$(dirname "$0")/../lib.sh"

TTL='{"type": "ttl"}'

# mount_layers LAYERS [MEMBERS]
mount_layers() {
	[[ $1 != *redis.sock* || $REDIS_PID ]] || start_redis
	mount_with "{\"layers\": [$1]${2:+, $2}, \"cachefs\": {\"state_dir\": \"state\"}}"
}

flush() {
	control flush
}

# Each fast layer that has a default, over each durable type, with each strategy: for_each_stack COMMAND
for_each_stack() {
	local fast slow strategy
	for fast in "$TTL" '{"type": "memory", "options": {"default_ttl_s": 3600}}'; do
		for slow in "$DISK" "$FILE" "$REDIS"; do
			for strategy in write_through write_back write_around; do
				mount_layers "$fast, $slow" "\"write_strategy\": \"$strategy\""
				"$1"
				unmount
				rm -rf db.sqlite* files state
				[[ ! $REDIS_PID ]] || redis FLUSHALL >/dev/null
			done
		done
	done
}

# store_end KEY: when the durable store's copy ends, in Unix time without fractions; "never"
store_end() {
	flush
	if [[ -e db.sqlite ]]; then
		sqlite3 db.sqlite "SELECT ifnull(CAST(expires_at AS INTEGER), 'never') FROM cache WHERE cache_key = '$1'"
	elif [[ -d files ]]; then
		jq -r 'if .expires_at == null then "never" else .expires_at | floor end' "files/$1.json"
	else
		local ms
		ms=$(redis PEXPIRETIME "accuralai:cache:$1")
		if ((ms > 0)); then echo $((ms / 1000)); else echo never; fi
	fi
}

expect_store_end() {
	expect "end of $1 in the store after $3" "$2" "$(store_end "$1")"
}

# expect_near WHAT SECONDS MOMENT: it lies so many seconds ahead, or up to a minute less
expect_near() {
	local left=$((${3%%.*} - $(date +%s)))
	((left <= $2 + 1 && left > $2 - 60)) || fail "$1: $left s ahead, not $2"
}

partial_changes() {
	echo a >"$MNT/k"
	expect_store_end k never "a set"
	echo b >>"$MNT/k"
	expect_store_end k never ">>"
	echo c | tee -a "$MNT/k" >/dev/null
	expect_store_end k never "tee -a"
	truncate -s 3 "$MNT/k"
	expect_store_end k never truncate
	printf A | dd of="$MNT/k" conv=notrunc status=none
	expect_store_end k never "dd conv=notrunc"
	open_writer w k rw
	tell w write one
	tell w fsync
	tell w write two
	tell w close
	expect_store_end k never "write, fsync, write"
	chmod 600 "$MNT/k"
	touch "$MNT/k"
	expect_store_end k never "chmod and touch"
	mv "$MNT/k" "$MNT/moved"
	expect_store_end moved never mv
	mkdir "$MNT/d"
	mv "$MNT/moved" "$MNT/d/in"
	mv "$MNT/d" "$MNT/e"
	mv "$MNT/e/in" "$MNT/back"
	expect_store_end back never "mv of its directory"
	rmdir "$MNT/e"
	expect names "" "$(getfattr --absolute-names "$MNT/back")"
}

test_no_change_of_a_part_gives_the_entry_the_end_of_a_fast_layers_copy() {
	for_each_stack partial_changes
}

programs_that_change_parts() {
	bash -c 'exec >"$1"; echo one; "$0" one; echo two' true "$MNT/log"
	expect_store_end log never "exec >"
	cp "$MNT/log" plain
	echo more >>plain
	rsync --inplace plain "$MNT/log"
	expect_store_end log never "rsync --inplace"
	tar cf "$MNT/a.tar" plain
	tar rf "$MNT/a.tar" cachefs.json
	expect_store_end a.tar never "tar rf"
	open_writer m log rw
	tell m map
	tell m poke 0 X
	tell m unmap
	tell m close
	wait_until 20 eval '[[ $(head -c 1 "$MNT/log") == X ]]'
	expect_store_end log never mmap
}

test_programs_that_change_parts_give_it_none_either() {
	mount_layers "$TTL, $DISK"
	programs_that_change_parts
	unmount
	rm -rf db.sqlite*
	mount_layers "$TTL, $FILE" '"write_strategy": "write_back"'
	programs_that_change_parts
}

test_the_entry_outlives_the_fast_copy_that_it_was_changed_in() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.5}}, '"$DISK"
	echo a >"$MNT/k"
	echo b >>"$MNT/k"
	ttl_passes 0.8
	expect_value k $'a\nb'
	echo c >>"$MNT/k"
	ttl_passes 0.8
	expect_value k $'a\nb\nc'
}

own_end_wins() {
	echo a >"$MNT/k"
	setfattr -n user.cachefs.ttl -v "$OWN" "$MNT/k"
	expect_near "the store's end of $OWN s" "$OWN" "$(store_end k)"
	expect_near "the mount's end of $OWN s" "$OWN" "$(get_xattr k user.cachefs.expires_at)"
	echo b >>"$MNT/k"
	expect_near "the store's end of $OWN s after >>" "$OWN" "$(store_end k)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
}

test_an_own_ttl_wins_over_a_default_longer_or_shorter_in_every_layer() {
	OWN=7200
	for_each_stack own_end_wins
	OWN=1800
	for_each_stack own_end_wins
}

test_an_own_never_wins_over_a_default() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.4}},
		{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 0.4}}'
	set_value k value
	set_value other value
	setfattr -n user.cachefs.ttl -v never "$MNT/k"
	expect ttl never "$(get_xattr k user.cachefs.ttl)"
	expect expires_at never "$(get_xattr k user.cachefs.expires_at)"
	ttl_passes 0.6
	expect_value k value
	expect_absent other
	restart_daemon
	expect ttl never "$(get_xattr k user.cachefs.ttl)"
	setfattr -x user.cachefs.ttl "$MNT/k"
	wait_until 10 is_gone k
}

test_a_directorys_never_is_its_own_never() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.3}}'
	mkdir -p "$MNT/d/sub"
	set_ttl d 0.3
	set_ttl d/sub never
	set_value d/sub/k value
	set_value d/k value
	ttl_passes 0.5
	expect_value d/sub/k value
	expect_absent d/k
}

test_max_ttl_s_caps_every_end() {
	mount_layers '{"type": "memory", "options": {"max_ttl_s": 0.4}}'
	set_value none value
	set_value own value
	set_value never value
	set_ttl own 1000
	set_ttl never never
	ttl_passes 0.6
	expect_absent none
	expect_absent own
	expect_absent never
}

test_the_cap_of_one_layer_is_no_end_of_the_entry() {
	mount_layers '{"type": "memory", "options": {"max_ttl_s": 0.4}}, '"$DISK"
	set_value k value
	echo more >>"$MNT/k"
	expect_store_end k never ">>"
	set_ttl k 5000
	expect_near "the store's end" 5000 "$(store_end k)"
	expect_near "the mount's end" 5000 "$(get_xattr k user.cachefs.expires_at)"
	ttl_passes 0.6
	expect_value k valuemore
}

test_a_promoted_copy_does_not_outlive_the_copy_it_was_taken_from() {
	mount_layers '{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 1.5}}'
	set_value k value
	set_value part value
	local before
	before=$(store_end k)
	restart_daemon
	expect_value k value
	wait_until 10 eval '[[ $(get_xattr k user.cachefs.layers) == memory,disk ]]'
	expect "the copy's end" "" "$(getfattr --absolute-names "$MNT/k")"
	echo more >>"$MNT/part"
	expect "names after >>" "" "$(getfattr --absolute-names "$MNT/part")"
	expect "the store's end" "$before" "$(store_end k)"
	wait_until 10 is_gone k
	expect_absent k
}

test_the_default_starts_anew_with_each_set_and_is_still_no_own_end_after_a_restart() {
	mount_layers '{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 3600}}'
	set_value k value
	restart_daemon
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
	expect_near "the mount's end" 3600 "$(get_xattr k user.cachefs.expires_at)"
	unmount
	mount_layers "$DISK"
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
	echo more >>"$MNT/k"
	expect_store_end k never ">> without a default"
}

changed_by_others() {
	expect_near "the mount's end" 500 "$(get_xattr k user.cachefs.expires_at)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
	echo more >>"$MNT/k"
	expect_near "the store's end after >>" 500 "$(store_end k)"
}

test_an_end_that_another_program_gave_is_the_entrys_own() {
	local at
	mount_layers "$TTL, {\"type\": \"disk\", \"options\": {\"path\": \"db.sqlite\", \"default_ttl_s\": 100}}"
	set_value k value
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; UPDATE cache SET expires_at = unixepoch() + 500 WHERE cache_key = 'k'" >/dev/null
	changed_by_others
	unmount
	rm -rf db.sqlite*
	start_redis
	mount_layers '{"type": "ttl"}, {"type": "redis", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock", "default_ttl_s": 100}}'
	set_value k value
	redis PEXPIRE accuralai:cache:k 500000 >/dev/null
	changed_by_others
	unmount
	stop_redis
	rm -rf state
	mount_layers "$TTL, {\"type\": \"file\", \"options\": {\"directory\": \"files\", \"default_ttl_s\": 100}}"
	set_value k value
	at=$(($(date +%s) + 500))
	jq ".expires_at = $at" files/k.json >k.json
	mv k.json files/k.json
	wait_until 20 eval '[[ $(get_xattr k user.cachefs.expires_at) == '"$at"'* ]]'
	changed_by_others
}

test_what_another_program_stored_without_an_end_has_none() {
	mount_layers "$TTL, $DISK"
	set_value k value
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		VALUES('theirs', 'x', NULL, unixepoch())" >/dev/null
	expect_value theirs x
	echo more >>"$MNT/theirs"
	expect_store_end theirs never ">>"
}

test_rows_of_an_earlier_version_have_ends_of_their_own() {
	sqlite3 db.sqlite "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,
		updated_at REAL NOT NULL); INSERT INTO cache VALUES('k', 'old', unixepoch() + 500, 5)"
	mount_layers "$TTL, $DISK"
	expect_value k old
	changed_by_others
}

test_expires_at_can_be_set() {
	local at=$(($(date +%s) + 1000))
	mount_stack
	set_value k value
	setfattr -n user.cachefs.expires_at -v "$at.250" "$MNT/k"
	expect expires_at "$at.250" "$(get_xattr k user.cachefs.expires_at)"
	restart_daemon
	expect expires_at "$at.250" "$(get_xattr k user.cachefs.expires_at)"
	setfattr -x user.cachefs.expires_at "$MNT/k"
	expect expires_at "" "$(get_xattr k user.cachefs.expires_at)"
	local text
	for text in "" soon nan inf "1 s" 1e30; do
		expect_error "Invalid argument" setfattr -n user.cachefs.expires_at -v "$text" "$MNT/k"
	done
}

test_an_expires_at_in_the_past_makes_a_miss_and_no_error() {
	mount_stack
	set_value k value
	setfattr -n user.cachefs.expires_at -v 1000 "$MNT/k"
	expect_absent k
	open_writer w open
	tell w write value
	tell w setxattr user.cachefs.expires_at 1000
	tell w write more
	tell w close
	expect_absent open
	restart_daemon
	expect_absent k
	expect_absent open
}

copies_carry_the_moment() {
	local at
	set_value k value
	set_ttl k 5000
	at=$(get_xattr k user.cachefs.expires_at)
	cp -a "$MNT/k" "$MNT/copy"
	expect "of cp -a" "$at" "$(get_xattr copy user.cachefs.expires_at)"
	rsync -X "$MNT/k" "$MNT/synced"
	expect "of rsync -X" "$at" "$(get_xattr synced user.cachefs.expires_at)"
	tar -C "$MNT" --xattrs -cf archive.tar k
	rm "$MNT/k"
	tar -C "$MNT" --xattrs -xf archive.tar
	expect "of tar --xattrs" "$at" "$(get_xattr k user.cachefs.expires_at)"
	expect_value k value
}

test_copies_carry_the_moment() {
	for_each_stack copies_carry_the_moment
}

# A directory on a disk that keeps the attribute stands for an archive of long ago.
test_an_archive_that_is_restored_later_revives_nothing() {
	mkdir old
	echo value >old/k
	: >old/empty
	setfattr -n user.cachefs.expires_at -v 1000 old/k old/empty 2>/dev/null || skip "no attributes here"
	mount_stack
	cp -a old/. "$MNT"
	expect "after cp -a" "" "$(ls "$MNT")"
	rsync -aX old/ "$MNT"
	expect "after rsync -aX" "" "$(ls "$MNT")"
	tar -C old --xattrs -cf old.tar k empty
	tar -C "$MNT" --xattrs -xf old.tar
	expect "after tar" "" "$(ls "$MNT")"
}

# A directory with these files, whose end is AT, as another disk would keep them: other_disk AT FILE...
other_disk() {
	local at=$1 file
	shift
	mkdir -p other
	for file; do
		echo "value of $file" >"other/$file"
		setfattr -n user.cachefs.expires_at -v "$at" "other/$file" 2>/dev/null || skip "no attributes here"
	done
}

overwriting_tar() {
	local at=$(($(date +%s) + 5000))
	other_disk "$at" k
	tar -C other --xattrs -cf k.tar k
	tar -C "$MNT" --xattrs --overwrite -xf k.tar
	expect_value k "value of k"
	expect "of a new file" "$at.000" "$(get_xattr k user.cachefs.expires_at)"
	expect_store_end k "$at" "tar --overwrite"
	echo other >"$MNT/k"
	tar -C "$MNT" --xattrs --overwrite -xf k.tar
	expect "of one that was there" "$at.000" "$(get_xattr k user.cachefs.expires_at)"
	rm "$MNT/k"
}

test_tar_that_overwrites_carries_the_moment() {
	for_each_stack overwriting_tar
}

# make_file KEY: mknod(2), as tar(1) calls it
make_file() {
	python3 -c 'import os, stat, sys; os.mknod(sys.argv[1], 0o644 | stat.S_IFREG)' "$MNT/$1"
}

test_the_first_writer_of_a_made_file_publishes_with_its_end() {
	local key at
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 5000
	for key in whole part duration none looked_at; do
		make_file "d/$key"
		[[ $key == none || $key == duration ]] ||
			setfattr -n user.cachefs.expires_at -v 4102444800 "$MNT/d/$key"
	done
	set_ttl d/duration 900
	setfattr -x user.cachefs.ttl "$MNT/d/none"
	echo 2 >/proc/sys/vm/drop_caches
	stat -c %W "$MNT/d/looked_at" >/dev/null
	open_reader r d/looked_at
	for key in whole duration none looked_at; do
		echo value >"$MNT/d/$key"
	done
	echo value >>"$MNT/d/part"
	for key in whole part looked_at; do
		expect_value "d/$key" value
		expect "end of $key" 4102444800.000 "$(get_xattr "d/$key" user.cachefs.expires_at)"
	done
	expect_near "a duration" 900 "$(get_xattr d/duration user.cachefs.expires_at)"
	expect "removed" "" "$(get_xattr d/none user.cachefs.expires_at)"
	echo again >"$MNT/d/whole"
	expect_near "the next set" 5000 "$(get_xattr d/whole user.cachefs.expires_at)"
	at=$(get_xattr d/duration user.cachefs.expires_at)
	echo more >>"$MNT/d/duration"
	expect "after >>" "$at" "$(get_xattr d/duration user.cachefs.expires_at)"
}

rsync_in_place() {
	other_disk 1000 old there
	set_value there "a value"
	rsync -aX --inplace other/ "$MNT"
	wait_until 20 is_gone old
	wait_until 20 is_gone there
	expect_absent old
	restart_daemon
	expect_absent old
	expect_absent there
}

test_rsync_in_place_of_what_is_over_ends_without_an_error() {
	for_each_stack rsync_in_place
}

# ended_while_open COMMAND...: it gives k an end in the past while the hand h has k open
ended_while_open() {
	"$@"
	expect "the end that was given" 1000.000 "$(get_xattr k user.cachefs.expires_at)"
	expect names user.cachefs.expires_at "$(getfattr --absolute-names "$MNT/k" | grep ^user)"
	touch -d 2001-01-01 "$MNT/k"
	chmod 600 "$MNT/k"
	expect_value k value
	tell h close
	wait_until 20 is_gone k
	expect_absent k
}

test_an_end_in_the_past_waits_while_somebody_has_the_file_open() {
	local flags
	mount_stack
	for flags in r rw w,append; do
		set_value k value
		tell h open k "$flags"
		ended_while_open tell h setxattr user.cachefs.expires_at 1000
		set_value k value
		tell h open k "$flags"
		ended_while_open setfattr -n user.cachefs.expires_at -v 1000 "$MNT/k"
	done
	restart_daemon
	expect_absent k
}

test_an_end_that_waits_can_be_taken_back() {
	mount_stack
	set_value k value
	open_reader h k
	tell h setxattr user.cachefs.expires_at 1000
	setfattr -x user.cachefs.expires_at "$MNT/k"
	tell h close
	set_value other value
	open_reader h other
	tell h setxattr user.cachefs.expires_at 1000
	set_ttl other 5000
	tell h close
	restart_daemon
	expect_value k value
	expect_value other value
	expect_near "the later wish" 5000 "$(get_xattr other user.cachefs.expires_at)"
}

test_an_end_that_waits_ends_no_later_set() {
	mount_stack
	set_value k value
	open_reader h k
	tell h setxattr user.cachefs.expires_at 1000
	echo new >"$MNT/k"
	tell h close
	restart_daemon
	expect_value k new
}

test_an_end_of_a_set_that_is_broken_off_is_not_the_old_values() {
	mount_stack
	set_value k value
	open_writer w k
	tell w write half
	tell w setxattr user.cachefs.expires_at 1000
	kill_hand w KILL
	expect_value k value
	restart_daemon
	expect_value k value
}

# change_end CALL FLAGS... of the key k, or of an open file: the error's name, or "ok"
change_end() {
	python3 - "$MNT/k" "$@" <<-'END'
		import errno, os, sys
		path, name, flag = sys.argv[1:]
		try:
		    if flag == "remove":
		        os.removexattr(path, "user.cachefs." + name)
		    else:
		        os.setxattr(path, "user.cachefs." + name, b"4102444800", getattr(os, "XATTR_" + flag))
		    print("ok")
		except OSError as e:
		    print(errno.errorcode[e.errno])
	END
}

test_setxattrs_flags_and_removexattr_know_the_own_end() {
	local name other
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 3600}}, '"$DISK"
	set_value k value
	for name in ttl expires_at; do
		other=$([[ $name == ttl ]] && echo expires_at || echo ttl)
		expect "replaces none" ENODATA "$(change_end $name REPLACE)"
		expect "removes none" ENODATA "$(change_end $name remove)"
		expect "names" "" "$(getfattr --absolute-names "$MNT/k")"
		expect "creates" ok "$(change_end $name CREATE)"
		expect "creates again" EEXIST "$(change_end $name CREATE)"
		expect "creates under the other name" EEXIST "$(change_end $other CREATE)"
		expect "replaces" ok "$(change_end $other REPLACE)"
		expect "removes under the other name" ok "$(change_end $other remove)"
		expect "is removed" ENODATA "$(change_end $name remove)"
	done
	set_ttl k never
	expect "creates over never" EEXIST "$(change_end ttl CREATE)"
	expect "removes never" ok "$(change_end expires_at remove)"
}

test_what_is_not_published_has_an_own_end_too() {
	local got
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 5000
	got=$(python3 - "$MNT" <<-'END'
		import errno, os, sys
		def say(call, *args):
		    try:
		        call(*args)
		        print("ok", end=" ")
		    except OSError as e:
		        print(errno.errorcode[e.errno], end=" ")
		TTL = "user.cachefs.ttl"
		os.chdir(sys.argv[1])
		fd = os.open("d/removed", os.O_CREAT | os.O_WRONLY)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.removexattr, fd, TTL)
		say(os.removexattr, fd, TTL)
		say(os.getxattr, fd, TTL)
		os.write(fd, b"value")
		os.close(fd)
		fd = os.open("given", os.O_CREAT | os.O_WRONLY)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_REPLACE)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.removexattr, fd, "user.cachefs.expires_at")
		os.write(fd, b"value")
		os.close(fd)
		os.setxattr("given", TTL, b"100")
		fd = os.open("given", os.O_TRUNC | os.O_WRONLY)
		say(os.getxattr, fd, TTL)
		say(os.removexattr, fd, TTL)
		os.write(fd, b"value")
		os.close(fd)
	END
	)
	expect answers "EEXIST ok ENODATA ENODATA ENODATA ok EEXIST ok ENODATA ENODATA " "$got"
	expect "the directory's TTL comes back" "" "$(get_xattr d/removed user.cachefs.ttl)"
	expect "of the set" "" "$(get_xattr given user.cachefs.ttl)"
	echo again >"$MNT/d/removed"
	expect_near "the next set" 5000 "$(get_xattr d/removed user.cachefs.expires_at)"
}

test_the_end_that_is_shown_is_the_last_layers() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 10}},
		{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 1000}}'
	set_value k value
	expect_near "expires_at" 1000 "$(get_xattr k user.cachefs.expires_at)"
	unmount
	rm -f db.sqlite*
	mount_layers "$TTL, $DISK"
	set_value k value
	expect ttl "" "$(get_xattr k user.cachefs.ttl)"
	expect expires_at "" "$(get_xattr k user.cachefs.expires_at)"
	unmount
	mount_layers '{"type": "ttl", "options": {"default_ttl_s": 100}}'
	set_value k value
	expect_near expires_at 100 "$(get_xattr k user.cachefs.expires_at)"
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
}

run_tests
