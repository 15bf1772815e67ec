# Words for tests of a database that another program, or a bad disk, has written to.

mount_disk() {
	mount_with '{"layers": [{"type": "disk", "revalidate_ms": 0, "options": {"path": "db.sqlite"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
}
