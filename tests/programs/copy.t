#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Programs that copy trees: what arrives is what left, times, modes, attributes and TTLs included.
# They look whether a directory is empty by rmdir, hence "empty_only".

mount_and_make_source() {
	mount_stack '"rmdir": "empty_only"'
	mkdir -p src/deep/er "src/with space"
	printf 'text\n' >src/plain
	printf 'a\0b' >"src/with space/binary"
	: >src/deep/empty
	head -c 300000 /dev/urandom >src/deep/er/large
	ln -s ../plain src/deep/link
	ln -s nowhere src/dangling
	chmod 640 src/plain
	chmod 755 src/deep/er/large
	chmod 2750 src/deep
	touch -d '2001-02-03 04:05:06.789012345' src/plain
	touch -d '2050-01-02 03:04:05.5' src/deep/er/large
	touch -h -d '1999-12-31 23:59:59' src/dangling src/deep/link
	touch -d '2002-02-02 02:02:02.2' src/deep/empty "src/with space/binary" src/deep/er src/deep "src/with space" src
}

# Every name with type, mode, owner, size of files, target and time; what a copy keeps.
manifest() {
	(cd "$1" && find . \( -type d -printf '%P d %m %U:%G %t\n' \) -o -printf '%P %y %m %U:%G %s %l %t\n' | sort)
}

expect_same_tree() {
	diff -r --no-dereference "$1" "$2" || fail "content differs: $1 $2"
	diff <(manifest "$1") <(manifest "$2") || fail "metadata differ: $1 $2"
}

give_attributes() {
	setfattr -n user.note -v "kept" "$1/plain"
	setfattr -n user.binary -v 0x00ff0a "$1/deep/er/large"
}

expect_attributes() {
	expect user.note kept "$(getfattr --only-values -n user.note "$1/plain")"
	expect user.binary 'user.binary=0x00ff0a' \
		"$(getfattr -e hex -n user.binary "$1/deep/er/large" 2>/dev/null | grep =)"
}

# TTLs are set before the copy; the copy's is what remained.
expect_ttl_about() {
	local ttl
	ttl=$(getfattr --only-values -n user.cachefs.ttl "$1")
	((${ttl%.*} > $2 - 200 && ${ttl%.*} <= $2)) || fail "TTL of $1: $ttl, expected about $2"
}

test_cp_a_carries_everything_in_and_out() {
	mount_and_make_source
	give_attributes src
	cp -a src "$MNT/in"
	expect_same_tree src "$MNT/in"
	expect_attributes "$MNT/in"
	cp -a "$MNT/in" out
	expect_same_tree src out
	expect_attributes out
}

test_cp_a_within_the_mount_carries_a_ttl() {
	mount_and_make_source
	cp -a src "$MNT/a"
	set_ttl a/plain 5000
	cp -a "$MNT/a" "$MNT/b"
	expect_same_tree "$MNT/a" "$MNT/b"
	expect_ttl_about "$MNT/b/plain" 5000
	expect "no TTL" "" "$(get_xattr b/deep/empty user.cachefs.ttl)"
}

test_what_cp_a_brought_survives_a_restart() {
	mount_and_make_source
	give_attributes src
	cp -a src "$MNT/in"
	restart_daemon
	expect_attributes "$MNT/in"
	diff -r --no-dereference src "$MNT/in"
	expect times "$(cd src && find . ! -type d -printf '%P %t\n' | sort)" \
		"$(cd "$MNT/in" && find . ! -type d -printf '%P %t\n' | sort)"
}

test_tar_carries_times_modes_and_attributes() {
	mount_and_make_source
	give_attributes src
	tar --xattrs -C src -cf in.tar .
	mkdir "$MNT/in" out
	tar --xattrs --xattrs-include='user.*' -xpf in.tar -C "$MNT/in"
	expect_same_tree src "$MNT/in"
	expect_attributes "$MNT/in"
	set_ttl in/plain 5000
	tar --xattrs -C "$MNT/in" -cf "$MNT/out.tar" .
	mkdir "$MNT/again"
	tar --xattrs --xattrs-include='user.*' -xpf "$MNT/out.tar" -C "$MNT/again"
	expect_same_tree src "$MNT/again"
	expect_ttl_about "$MNT/again/plain" 5000
}

test_rsync_a_copies_and_then_finds_nothing_to_do() {
	mount_and_make_source
	rsync -a src/ "$MNT/in/"
	expect_same_tree src "$MNT/in"
	expect "second run" "" "$(rsync -ai src/ "$MNT/in/")"
	restart_daemon
	expect "after a restart" "" "$(rsync -ai --omit-dir-times src/ "$MNT/in/")"
}

test_rsync_ax_carries_attributes_and_ttls() {
	mount_and_make_source
	give_attributes src
	rsync -aX src/ "$MNT/in/"
	expect_attributes "$MNT/in"
	set_ttl in/plain 5000
	rsync -aX "$MNT/in/" "$MNT/again/"
	expect_same_tree src "$MNT/again"
	expect_attributes "$MNT/again"
	expect_ttl_about "$MNT/again/plain" 5000
}

test_rsync_delete_removes_what_is_gone_and_nothing_else() {
	mount_and_make_source
	rsync -a src/ "$MNT/in/"
	rm -r src/deep/er src/plain
	echo new >src/new
	rsync -a --delete src/ "$MNT/in/"
	diff -r --no-dereference src "$MNT/in"
}

test_rsync_inplace_and_partial() {
	mount_and_make_source
	rsync -a --inplace src/ "$MNT/in/"
	printf 'changed' | dd of=src/deep/er/large bs=1 seek=1000 conv=notrunc status=none
	rsync -a --inplace --no-whole-file src/ "$MNT/in/"
	rsync -a --partial src/ "$MNT/partial/"
	expect_same_tree src "$MNT/in"
	expect_same_tree src "$MNT/partial"
}

test_a_tree_is_moved_in_renamed_and_moved_out() {
	mount_and_make_source
	cp -a src keep
	mv src "$MNT/in"
	mv "$MNT/in" "$MNT/there"
	expect_same_tree keep "$MNT/there"
	mv "$MNT/there" back
	expect_same_tree keep back
	expect_list "" ""
}

test_rm_rf_and_find_delete_leave_nothing() {
	mount_and_make_source
	cp -a src "$MNT/a"
	cp -a src "$MNT/b"
	find "$MNT/a" -delete
	rm -rf "$MNT/b"
	expect_list "" ""
}

test_du_and_df_tell_sizes() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 64}}'
	head -c 5000000 /dev/urandom >"$MNT/large"
	expect "du" 5000000 "$(du -b "$MNT/large" | cut -f1)"
	local kib
	kib=$(du -k "$MNT/large" | cut -f1)
	((kib >= 4883 && kib < 5000)) || fail "du -k: $kib"
	expect "size in df" 67108864 "$(df -B1 --output=size "$MNT" | tail -n 1 | tr -d ' ')"
	local used
	used=$(df -B1 --output=used "$MNT" | tail -n 1)
	((used >= 5000000 && used < 8000000)) || fail "df: used $used"
}

run_tests
