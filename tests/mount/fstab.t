#!/bin/bash
# A line in /etc/fstab is mounted, found and unmounted by mount(8), as root.
. "$(dirname "$0")/private.sh"
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/fstab.sh"

mounts_here() {
	grep -c " $MNT fuse.cachefs " /proc/mounts || true
}

is_unmounted() {
	! is_mounted "$MNT"
}

unmount_here() {
	umount "$MNT"
	without_fstab
}

test_a_line_in_fstab_is_mounted_found_and_unmounted() {
	with_fstab defaults,noauto,user,_netdev,nofail,x-systemd.automount,comment=mine,relatime,lazytime
	mount "$MNT"
	set_value k value
	expect_value k value
	expect "source and type" "$TMP/c.json fuse.cachefs" "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | tr -s ' ')"
	unmount_here
}

test_mount_a_twice_makes_one_mount() {
	with_fstab defaults
	mount -a
	mount -a
	expect "mounts" 1 "$(mounts_here)"
	unmount_here
}

test_mount_a_leaves_a_line_with_noauto_alone() {
	with_fstab noauto
	mount -a
	expect "mounts" 0 "$(mounts_here)"
	without_fstab
}

test_mount_a_brings_back_what_kill_9_ended() {
	with_fstab defaults
	mount -a
	set_value k value
	kill -9 "$(mount_daemon)"
	wait_until 20 is_unmounted
	mount -a
	expect_value k value
	expect "mounts" 1 "$(mounts_here)"
	unmount_here
}

test_the_type_may_be_fuse_cachefs() {
	with_fstab noauto fuse.cachefs
	mount "$MNT"
	set_value k value
	unmount_here
}

test_the_helper_knows_the_switches_of_mount() {
	ln -s "$CACHEFS" mount.cachefs
	printf '{"type": "memory"}' >c.json
	./mount.cachefs "$TMP/c.json" "$MNT" -f -v -o rw >said
	grep -qF "$TMP/c.json on $MNT" said
	is_unmounted
	expect_error 'unknown mount option "bogus"' ./mount.cachefs "$TMP/c.json" "$MNT" -o bogus
	./mount.cachefs "$TMP/c.json" "$MNT" -o bogus,rw -s -n
	is_mounted
	umount "$MNT"
}

run_tests
