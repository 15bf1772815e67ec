# Words for tests of other programs on the Redis of the mount.

is_listed() {
	ls -A "$MNT/$1" | grep -qxF -- "$2"
}
