# Words for tests of /etc/fstab.

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
