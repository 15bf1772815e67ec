# Words for tests of the state directory.

# Two durable layers: one of them may miss a change, so there is something to remember.
mount_two() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "name": "a", "options": {"path": "a.sqlite"}},
		{"type": "disk", "name": "b", "options": {"path": "b.sqlite"}}], "cachefs": {"state_dir": "state"}}'
}
