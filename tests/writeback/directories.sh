# Words for tests of directories in the journal.

mount_over_redis() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back",
		"cachefs": {"state_dir": "state", "drain_timeout": 1}}'
}

# What the layer itself has.
in_redis() {
	local path=$MNT/.cachefs/layers/redis
	expect "in redis: $1" "$2" "$(ls -A "$path/$1" | paste -sd' ')"
}
