#!/bin/bash
# A line in /etc/fstab with user is mounted and unmounted by an ordinary user.
. "$(dirname "$0")/private.sh"
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/fstab.sh"

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

run_tests
