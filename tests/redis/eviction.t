#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# What Redis drops of its own accord is not what somebody removed: a durable layer that is asked before it keeps its copy.

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

test_what_redis_evicts_stays_in_a_durable_layer_above() {
	start_redis
	mount_above
	set_value a 1
	set_value b 2
	set_value c 3
	expect_value a 1
	expect "layers" memory,disk,redis "$(get_xattr a user.cachefs.layers)"
	evict a b
	expect_value a 1
	expect "size by stat" 1 "$(stat -c %s "$MNT/b")"
	expect_value b 2
	expect_value c 3
	expect_list "" "a b c"
	expect "layers" memory,disk "$(get_xattr a user.cachefs.layers)"
	restart_daemon
	expect_value a 1
	expect_value b 2
}

test_what_another_program_removes_goes_from_a_durable_layer_above() {
	start_redis
	mount_above
	set_value a 1
	set_value b 2
	expect_value b 2
	redis cache-invalidate b >/dev/null
	expect_absent b
	# The server has evicted something, but long before.
	evict a
	set_value k value
	expect_value k value
	wait_until 30 it_goes k
	expect_absent k
	expect_value a 1
	restart_daemon
	expect_absent b
	expect_absent k
}

# Removed and set until the layer knows that nothing was evicted since it last saw the key.
it_goes() {
	set_value "$1" value
	redis cache-invalidate "$1" >/dev/null
	! cat "$MNT/$1" >/dev/null 2>&1
}

test_what_a_restarted_redis_does_not_have_was_not_removed() {
	start_redis
	mount_above
	set_value a 1
	expect_value a 1
	stop_redis
	start_redis
	wait_until 60 layer_is redis false
	expect_value a 1
	restart_daemon
	expect_value a 1
}

test_a_shorter_life_in_redis_is_not_a_removal() {
	start_redis
	mount_above '"default_ttl_s": 1'
	set_value k value
	expect_value k value
	in_redis k
	wait_until 30 not_in_redis k
	expect_value k value
	restart_daemon
	expect_value k value
}

# Redis is all that keeps it: then it is a miss.
test_what_redis_evicts_does_not_stay_in_memory_alone() {
	start_redis
	mount_shared
	set_value k value
	expect_value k value
	evict k
	expect_absent k
}

run_tests
