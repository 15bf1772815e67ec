# Words for tests of a Redis that fails: away, hung, full, read-only, empty.

# mount_three [TIMEOUT]: memory, Redis and a database.
mount_three() {
	mount_with '{"layers": [{"type": "memory"},
		{"type": "redis", "name": "shared", "options": {"unix_socket_path": "redis.sock", "socket_timeout": '"${1:-0.5}"',
			"socket_connect_timeout": 0.5, "max_connections": 5}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
}

was_said() {
	[[ $(grep -c "$1" "$LOG") -ge ${2:-1} ]]
}

theirs_is_gone() {
	! redis cache-get "$1" >/dev/null 2>&1 || [[ $(redis cache-get "$1") = new ]]
}
