#!/bin/bash
. "$(dirname "$0")/private.sh"
. "$(dirname "$0")/../lib.sh"

# /sbin with the links that meson installs, and an fstab with one line: with_fstab OPTIONS [TYPE]
with_fstab() {
	local upper=$TMP/layers
	printf '{"type": "disk", "options": {"path": "%s/db.sqlite"}, "cachefs": {"state_dir": "%s/state"}}' \
		"$TMP" "$TMP" >"$TMP/c.json"
	mkdir "$upper"
	mount -t tmpfs layers "$upper"
	mkdir "$upper/up" "$upper/work"
	ln -s "$CACHEFS" "$upper/up/mount.cachefs"
	ln -s "$CACHEFS" "$upper/up/mount.fuse.cachefs"
	mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$upper/up,workdir=$upper/work" /usr/sbin
	echo "$TMP/c.json $MNT ${2:-cachefs} $1 0 0" >"$TMP/fstab"
	mount --bind "$TMP/fstab" /etc/fstab
}

without_fstab() {
	umount -l /etc/fstab /usr/sbin "$TMP/layers" # likewise
}

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

as_user() {
	HOME=$USERS setpriv --reuid 5 --regid 60 --clear-groups "$@"
}

# A place that an ordinary user may enter, and a device that he may open, whatever the machine has.
prepare_for_a_user() {
	USERS=$(mktemp -d /tmp/cachefs-test-user.XXXXXX)
	at_end "rm -rf --one-file-system $USERS"
	mkdir "$USERS/mnt"
	cp "$CACHEFS" "$USERS/cachefs"
	chmod 755 "$USERS" "$USERS/cachefs"
	chown -R 5:60 "$USERS"
	mknod "$TMP/fuse" c 10 229
	chmod 666 "$TMP/fuse"
	mount --bind "$TMP/fuse" /dev/fuse
	MNT=$USERS/mnt CACHEFS=$USERS/cachefs with_fstab noauto,user
	printf '{"type": "disk", "options": {"path": "%s/db.sqlite"}}' "$USERS" >"$USERS/c.json"
	echo "$USERS/c.json $USERS/mnt cachefs noauto,user 0 0" >"$TMP/fstab"
}

user_has_no_mount() {
	! is_mounted "$USERS/mnt"
}

test_an_ordinary_user_mounts_and_unmounts_a_line_with_user() {
	type setpriv >/dev/null 2>&1 || skip "no setpriv"
	prepare_for_a_user
	as_user mount "$USERS/mnt"
	as_user sh -c 'echo value >"$HOME/mnt/k"'
	expect "value" value "$(as_user cat "$USERS/mnt/k")"
	expect "root sees nothing of it" "" "$(cat "$USERS/mnt/k" 2>/dev/null || true)"
	as_user umount "$USERS/mnt"
	user_has_no_mount
	umount -l /dev/fuse # the daemon may just be ending
	without_fstab
}

test_an_ordinary_users_dead_mount_goes_too() {
	type setpriv >/dev/null 2>&1 || skip "no setpriv"
	prepare_for_a_user
	as_user mount "$USERS/mnt"
	as_user sh -c 'echo value >"$HOME/mnt/k"'
	kill -9 "$(mount_daemon "$USERS/mnt")"
	wait_until 20 user_has_no_mount
	as_user mount "$USERS/mnt"
	expect "value" value "$(as_user cat "$USERS/mnt/k")"
	as_user umount "$USERS/mnt"
	umount -l /dev/fuse # the daemon may just be ending
	without_fstab
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
