#!/bin/bash
# A file that a program makes, or overwrites, with an end has that end.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

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

run_tests
