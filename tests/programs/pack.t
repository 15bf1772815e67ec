#!/bin/bash
# Programs that pack, rotate and patch files.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

test_tail_follows_a_rotated_log() {
	mount_for_programs
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
	mount_for_programs
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
	mount_for_programs
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
	mount_for_programs
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
	mount_for_programs
	random_file whole 3000000
	cp --reflink=auto whole "$MNT/k"
	cp --reflink=auto "$MNT/k" "$MNT/l"
	cp --reflink=auto --sparse=always "$MNT/l" back
	cmp whole "$MNT/l"
	cmp whole back
	restart_daemon
	cmp whole "$MNT/l"
}

run_tests
