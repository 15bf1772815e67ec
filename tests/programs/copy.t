#!/bin/bash
# cp, tar and mv copy trees: what arrives is what left, times, modes, attributes and TTLs included.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"
. "$(dirname "$0")/copy.sh"

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
