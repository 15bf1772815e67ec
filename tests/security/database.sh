# Words for tests of a database that another program, or a bad disk, has written to.

sql() {
	sqlite3 -cmd '.timeout 20000' db.sqlite "$@"
}

mount_disk() {
	mount_with '{"layers": [{"type": "disk", "revalidate_ms": 0, "options": {"path": "db.sqlite"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
}

