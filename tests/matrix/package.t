#!/bin/bash
# The documented configurations of the Python package mount as they stand.
. "$(dirname "$0")/../lib.sh"

# The package's documented configurations that need no server.
test_the_packages_configurations_mount_as_they_stand() {
	local json
	while read -r json; do
		mount_with "$json"
		set_value k value
		case $json in
		*noop*) expect_absent k ;;
		*) expect_value k value ;;
		esac
		unmount
		rm -rf .cache
	done <<-'END'
		{"type": "memory", "options": {"max_entries": 512, "eager_expiry": true}}
		{"type": "disk", "options": {"path": ".cache/accuralai.sqlite", "size_limit_mb": 256}}
		{"type": "lfu", "options": {"max_entries": 128, "eager_expiry": true}}
		{"type": "ttl", "options": {"default_ttl_s": 3600.0, "eager_expiry": true}}
		{"type": "file", "options": {"directory": ".cache/accuralai-file", "max_files": 1000}}
		{"type": "noop"}
		{"type": "layered", "options": {"memory": {"max_entries": 512}, "disk": {"path": ".cache/accuralai.sqlite"}, "promote_on_hit": true}}
		{"memory": {"max_entries": 512}, "disk": {"path": ".cache/accuralai.sqlite"}, "promote_on_hit": true}
		{"type": "flexible_layered", "options": {"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}}
		{"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}
	END
}

local_redis_listens() {
	(exec 3<>/dev/tcp/localhost/6379) 2>/dev/null
}

# Its documented configurations of Redis name no port but the usual one, of this host.
test_the_packages_redis_configurations_keep_values_there() {
	! local_redis_listens || skip "port 6379 is taken"
	redis-server --port 6379 --bind 127.0.0.1 --dir "$TMP" --save "" </dev/null >redis.log 2>&1 &
	at_end "kill -9 $!"
	wait_until 60 local_redis_listens
	mount_with '{"type": "redis", "options": {"host": "localhost", "port": 6379, "key_prefix": "accuralai:cache:"}}'
	set_value k value
	restart_daemon
	expect_value k value
	unmount
	mount_with '{"type": "flexible_layered", "options": {"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}}'
	expect_value k value
	set_value k2 value
	expect layers l1,l2,l3 "$(get_xattr k2 user.cachefs.layers)"
}

run_tests
