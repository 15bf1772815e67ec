# Words for tests of servers that do not answer in time.

# In seconds. What a caller may pay is told from what twenty would have to, also on a loaded machine: two of them, not twenty.
TIMEOUT=1

# mount_proxied [FIRST_LAYER]: memory, or another, over the proxy and a database.
mount_proxied() {
	start_redis
	start_proxy
	mount_over proxy.sock "$@"
}

mount_over() {
	mount_with '{"layers": ['"${2:-"{\"type\": \"memory\"}"}"',
		{"type": "redis", "name": "shared", "options": {"unix_socket_path": "'"$1"'", "socket_timeout": '$TIMEOUT',
			"socket_connect_timeout": '$TIMEOUT'}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
	wait_until 60 layer_is shared false
}

set_ten() {
	local i
	for ((i = 0; i < 10; i++)); do
		set_value "k$i" "old$i"
	done
}
