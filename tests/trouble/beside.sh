# Words for tests of the files beside a database: what happens to them, and that the layer is up again by
# itself.

TEST_SECONDS=240

mount_alone() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
}

cut_off() {
	truncate -s 0 "$@"
}
