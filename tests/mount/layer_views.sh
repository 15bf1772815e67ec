# Words for tests of the views of layers.

mount_l1_l2() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}], "cachefs": {'"${1:-}"'}}'
	VIEW=$MNT/.cachefs/layers
}
