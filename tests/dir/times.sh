# Words for tests of the times of directories.

inode_count() {
	jq .inodes "$MNT/.cachefs/stats.json"
}

# Lets the kernel forget all directories, and waits until the daemon has.
forget() {
	local before=$1
	echo 2 >/proc/sys/vm/drop_caches
	wait_until 30 inodes_are_at_most "$before"
}

inodes_are_at_most() {
	(($(inode_count) <= $1))
}
