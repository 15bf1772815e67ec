# Words for tests of a full disk below SQLite.

TEST_SECONDS=120

# full_stack MIB OPTIONS: the store on a file system of that size
full_stack() {
	small_disk "$1"
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"'"${2:+, $2}"'},
		"cachefs": {'"${3:-}"'}}'
}
