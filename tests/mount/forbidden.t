#!/bin/bash
# A system that forbids to mount is said in one sentence, with its remedy.
. "$(dirname "$0")/private.sh"
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/failures.sh"

# as_nobody COMMAND...: with a /dev/fuse that everybody may open, and a copy of the daemon.
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

open_device() {
	mkdir -p "$TMP/dev"
	mount -t tmpfs dev "$TMP/dev"
	mknod "$TMP/dev/fuse" c 10 229
	chmod 666 "$TMP/dev/fuse"
	mount --bind "$TMP/dev/fuse" /dev/fuse
	cp "$CACHEFS" "$TMP/dev/cachefs"
	mkdir -m 777 "$TMP/state"
	NOBODY=$TMP/dev/cachefs
}

close_device() {
	umount -l /dev/fuse "$TMP/dev" # the daemon may just be ending
}

test_there_is_no_dev_fuse() {
	memory_config
	expect_sentence "/dev/fuse: there is no such device here, and nothing can be mounted without it; load the module: modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN" \
		unshare -m sh -c 'mount -t tmpfs dev /dev && mknod /dev/null c 1 3 && exec "$@"' - \
		"$CACHEFS" c.json "$MNT"
}

test_the_user_may_not_open_dev_fuse() {
	memory_config
	open_device
	chmod 600 "$TMP/dev/fuse"
	chown nobody "$MNT"
	expect_sentence "/dev/fuse: uid 65534 may not open it, and nothing can be mounted without it; have root allow it: chmod 666 /dev/fuse" \
		as_nobody "$NOBODY" c.json "$MNT"
	close_device
}

test_the_mount_point_is_not_the_users() {
	memory_config
	open_device
	expect_sentence "$MNT: cannot mount here: the directory belongs to uid 0, and uid 65534 may not write to it; use a directory of your own, or have root give it to you: chown 65534 $MNT" \
		as_nobody "$NOBODY" c.json "$MNT"
	close_device
}

test_fusermount3_is_absent() {
	memory_config
	open_device
	chown nobody "$MNT"
	: >nothing
	chmod 644 nothing
	mount --bind nothing /usr/bin/fusermount3
	expect_sentence "fusermount3: not found, and only root can mount without it; install it: apt-get install fuse3" \
		as_nobody "$NOBODY" c.json "$MNT"
	umount /usr/bin/fusermount3
	close_device
}

test_allow_other_is_not_allowed() {
	memory_config
	open_device
	chown nobody "$MNT"
	: >fuse.conf
	mount --bind fuse.conf /etc/fuse.conf
	expect_sentence "-o allow_other: /etc/fuse.conf does not allow it to ordinary users; have root put user_allow_other on a line of its own there" \
		as_nobody "$NOBODY" -o allow_other c.json "$MNT"
	umount /etc/fuse.conf
	close_device
}

test_the_user_has_too_many_mounts() {
	memory_config
	open_device
	chown nobody "$MNT"
	echo "mount_max = 0" >fuse.conf
	mount --bind fuse.conf /etc/fuse.conf
	expect_sentence "$MNT: cannot mount here: uid 65534 has as many fuse mounts as /etc/fuse.conf allows; unmount one, or have root raise mount_max in /etc/fuse.conf" \
		as_nobody "$NOBODY" c.json "$MNT"
	umount /etc/fuse.conf
	close_device
}

test_the_container_has_no_cap_sys_admin() {
	memory_config
	expect_sentence "$MNT: cannot mount here: the kernel refuses it to a process without CAP_SYS_ADMIN; in a container: --device /dev/fuse --cap-add SYS_ADMIN (Docker: and --security-opt apparmor=unconfined)" \
		setpriv --bounding-set -sys_admin "$CACHEFS" c.json "$MNT"
}

test_no_new_privs_is_set() {
	memory_config
	open_device
	chown nobody "$MNT"
	expect_sentence "$MNT: cannot mount here: no_new_privs keeps fusermount3 from becoming root; start it outside of the sandbox, or as root" \
		as_nobody --no-new-privs "$NOBODY" c.json "$MNT"
	close_device
}

# This kernel has no AppArmor to be refused by: its traces are laid out, and fusermount3 fails as it does then.
test_an_apparmor_profile_is_in_the_way() {
	[[ -d /sys/kernel/security ]] || skip "no /sys/kernel/security"
	memory_config
	open_device
	chown nobody "$MNT"
	mount -t tmpfs security /sys/kernel/security
	mkdir /sys/kernel/security/apparmor
	cp -r /etc "$TMP/dev/etc"
	mkdir -p "$TMP/dev/etc/apparmor.d"
	: >"$TMP/dev/etc/apparmor.d/fusermount3"
	mount --bind "$TMP/dev/etc" /etc
	printf '#!/bin/sh\necho "fusermount3: mount failed: Permission denied" >&2\nexit 1\n' >refuses
	chmod 755 refuses
	mount --bind refuses /usr/bin/fusermount3
	expect_sentence "$MNT: cannot mount here: an AppArmor profile is in the way (/etc/apparmor.d/fusermount3); allow the mount in that profile, or choose a directory it allows (below \$HOME, /mnt, /media or /tmp); dmesg names the denial" \
		as_nobody "$NOBODY" c.json "$MNT"
	umount /usr/bin/fusermount3 /etc /sys/kernel/security
	close_device
}

run_tests
