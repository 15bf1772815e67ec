# Words for tests of what Redis drops of its own accord.

# mount_above [OPTIONS_OF_THE_REDIS_LAYER]: memory and a database over Redis, compared with it at each get.
mount_above() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "redis", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}'"${1:+, $1}"'}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
	wait_until 60 layer_is redis false
}

in_redis() {
	[[ $(redis EXISTS "accuralai:cache:$1") = 1 ]]
}

not_in_redis() {
	! in_redis "$1"
}

# Makes room for nothing but new keys, until the named ones are gone.
evict() {
	local used key
	used=$(redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
	redis CONFIG SET maxmemory-policy volatile-ttl >/dev/null
	for key; do
		redis EXPIRE "accuralai:cache:$key" 1000 >/dev/null
	done
	redis CONFIG SET maxmemory $((used - 100)) >/dev/null
	for key; do
		wait_until 30 not_in_redis "$key"
	done
	[[ $(redis INFO stats | sed -n 's/^evicted_keys:\([0-9]*\).*/\1/p') -ge $# ]] || fail "nothing was evicted"
	redis CONFIG SET maxmemory 0 >/dev/null
}
