# Words for tests of what the daemon has on disk.

is_root() {
	[[ $EUID = 0 ]] || skip "only root can be other users"
}
