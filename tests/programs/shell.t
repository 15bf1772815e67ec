#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# What shell scripts rely on: locks, rotation, packing, trees, and being told of changes.

mount_for_scripts() {
	mount_stack '"rmdir": "empty_only"'
}

test_of_8_racing_shells_one_wins_a_noclobber_lock() {
	local round i
	mount_for_scripts
	for round in 1 2 3 4 5; do
		for i in 1 2 3 4 5 6 7 8; do
			bash -c 'set -C; until [[ -e go.$2 ]]; do :; done; echo "$1" 2>/dev/null >"$3/lock.$2"' \
				- "$i" "$round" "$MNT" 2>/dev/null && echo "$i" >>"won.$round" &
		done
		: >"go.$round"
		wait $(jobs -p | grep -vx "$DAEMON_PID") || true
		expect "winners of round $round" 1 "$(wc -l <"won.$round")"
		expect_value "lock.$round" "$(<"won.$round")"
	done
}

test_flock_makes_a_counter_exact() {
	local i pids=()
	mount_for_scripts
	echo 0 >"$MNT/counter"
	for i in 1 2 3 4; do
		for _ in {1..15}; do
			flock "$MNT/lock" sh -c 'n=$(cat "$1/counter"); echo $((n + 1)) >"$1/counter"' - "$MNT"
		done &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_value counter 60
}

test_flock_on_a_descriptor_excludes_and_ends_with_its_holder() {
	mount_for_scripts
	(flock 9 && echo held >told && exec sleep 100) 9>"$MNT/lock" &
	local holder=$!
	wait_until 20 test -s told
	! flock -n "$MNT/lock" true
	kill -9 "$holder"
	wait "$holder" 2>/dev/null || true
	flock -w 20 "$MNT/lock" echo free >answer
	expect answer free "$(<answer)"
}

test_a_fifo_a_device_and_a_hard_link_are_refused_cleanly() {
	mount_for_scripts
	set_value k v
	expect_error "Operation not permitted" mkfifo "$MNT/fifo"
	expect_error "Operation not permitted" mknod "$MNT/device" c 1 3
	expect_error "Operation not permitted" ln "$MNT/k" "$MNT/other"
	expect_list "" k
}

test_inotifywait_sees_create_close_move_and_delete_in_a_directory() {
	type inotifywait >/dev/null 2>&1 || skip "no inotifywait"
	mount_for_scripts
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
	mount_for_scripts
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
	mount_for_scripts
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

test_tail_follows_a_rotated_log() {
	mount_for_scripts
	echo first >"$MNT/log"
	tail -F -s 0.05 ---disable-inotify "$MNT/log" >seen 2>/dev/null &
	local pid=$!
	at_end "kill $pid 2>/dev/null"
	wait_until 20 grep -q first seen
	mv "$MNT/log" "$MNT/log.1"
	echo second >"$MNT/log"
	wait_until 20 grep -q second seen
	expect seen "first,second" "$(paste -sd, seen)"
}

test_logrotate_rotates_compresses_and_truncates() {
	type logrotate >/dev/null 2>&1 || skip "no logrotate"
	mount_for_scripts
	chmod 755 "$MNT"
	printf '%s/*.log {\n\trotate 2\n\tcompress\n\tcreate 0640\n}\n%s/*.out {\n\trotate 1\n\tcopytruncate\n}\n' \
		"$MNT" "$MNT" >rotate.conf
	local i
	for i in 1 2 3 4; do
		echo "line $i" >"$MNT/a.log"
		echo "out $i" >"$MNT/b.out"
		logrotate -f -s state rotate.conf
	done
	expect_list "" "a.log a.log.1.gz a.log.2.gz b.out b.out.1"
	expect "newest" "line 4" "$(zcat "$MNT/a.log.1.gz")"
	expect "older" "line 3" "$(zcat "$MNT/a.log.2.gz")"
	expect_value a.log ""
	expect mode 640 "$(stat -c %a "$MNT/a.log")"
	expect_value b.out.1 "out 4"
	expect_value b.out ""
}

test_gzip_zip_and_tar_pack_and_unpack_in_place() {
	mount_for_scripts
	random_file whole 300000
	cp whole "$MNT/k"
	gzip "$MNT/k"
	is_gone k
	gunzip "$MNT/k.gz"
	cmp whole "$MNT/k"
	mkdir "$MNT/d"
	seq 1000 >"$MNT/d/numbers"
	(cd "$MNT" && zip -q -r all.zip k d)
	(cd "$MNT" && zip -q all.zip k)
	mkdir "$MNT/out"
	unzip -q "$MNT/all.zip" -d "$MNT/out"
	cmp whole "$MNT/out/k"
	diff -r "$MNT/d" "$MNT/out/d"
	unzip -tq "$MNT/all.zip" >/dev/null
}

test_patch_perl_and_install_change_files() {
	mount_for_scripts
	seq 100 >"$MNT/numbers"
	seq 100 | sed 's/^50$/fifty/' >changed
	diff -u "$MNT/numbers" changed >change.diff || true
	(cd "$MNT" && patch -s -b numbers "$TMP/change.diff")
	cmp changed "$MNT/numbers"
	expect original "$(seq 100)" "$(cat "$MNT/numbers.orig")"
	perl -i.bak -pe 's/^7$/seven/' "$MNT/numbers"
	expect "line 7" seven "$(sed -n 7p "$MNT/numbers")"
	cmp changed "$MNT/numbers.bak"
	install -D -m 750 changed "$MNT/bin/sub/tool"
	install -m 640 whole "$MNT/bin/sub/tool" 2>/dev/null || install -m 640 changed "$MNT/bin/sub/tool"
	expect mode 640 "$(stat -c %a "$MNT/bin/sub/tool")"
	cmp changed "$MNT/bin/sub/tool"
}

test_cp_reflink_auto_copies() {
	mount_for_scripts
	random_file whole 3000000
	cp --reflink=auto whole "$MNT/k"
	cp --reflink=auto "$MNT/k" "$MNT/l"
	cp --reflink=auto --sparse=always "$MNT/l" back
	cmp whole "$MNT/l"
	cmp whole back
	restart_daemon
	cmp whole "$MNT/l"
}

# In a tree of 40 directories.
make_many() {
	python3 - "$1" "$2" <<-'PYTHON'
	import os, sys
	for i in range(int(sys.argv[2])):
	    d = "%s/d%d" % (sys.argv[1], i % 40)
	    if i < 40:
	        os.makedirs(d)
	    with open("%s/k%d" % (d, i), "w") as f:
	        f.write("%d" % i)
	PYTHON
}

test_find_delete_and_rm_rf_of_many_entries() {
	local many=10000
	mount_for_scripts
	make_many "$MNT/tree" "$many"
	expect entries "$many" "$(find "$MNT/tree" -type f | wc -l)"
	make_many "$MNT/some" 2000
	cp -r "$MNT/some" "$MNT/again"
	rm -rf "$MNT/some"
	local before=${EPOCHREALTIME/./}
	rm -rf "$MNT/tree"
	local between=${EPOCHREALTIME/./}
	find "$MNT/again" -delete
	echo "rm -rf of $many entries: $(((between - before) / 1000)) ms," \
		"find -delete of 2000: $(((${EPOCHREALTIME/./} - between) / 1000)) ms" >>"$LOG"
	expect_list "" ""
	expect "left in the layers" 0 "$(jq '[.layers[].entries] | add' "$MNT/.cachefs/stats.json")"
}

test_a_tree_is_moved_over_an_empty_one_and_out() {
	mount_for_scripts
	make_many "$MNT/a" 200
	mkdir -p "$MNT/b" "$MNT/c/a"
	mv -T "$MNT/a" "$MNT/b"
	mv "$MNT/b" "$MNT/c/a"
	expect entries 200 "$(find "$MNT/c/a/b" -type f | wc -l)"
	expect_value c/a/b/d7/k47 47
	restart_daemon
	mv "$MNT/c/a/b" out
	expect entries 200 "$(find out -type f | wc -l)"
	expect_list c/a ""
}

run_tests
