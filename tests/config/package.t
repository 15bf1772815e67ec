#!/bin/bash
# Configurations as the Python package and its core have them.
. "$(dirname "$0")/../lib.sh"

# ttl_between KEY LOW HIGH: the seconds that it has left
ttl_between() {
	local ttl
	ttl=$(get_xattr "$1" user.cachefs.ttl)
	[[ ${ttl%.*} =~ ^[0-9]+$ ]] && ((${ttl%.*} >= $2 && ${ttl%.*} <= $3)) ||
		fail "TTL of $1: expected $2 to $3, got \"$ttl\""
}

test_the_cores_block_is_a_configuration() {
	mount_with '{"plugin": "layered", "enabled": true, "ttl_s": 300, "options": {"stats_enabled": true,
		"promote_on_hit": true, "memory": {"max_entries": "512", "copy_on_get": true},
		"disk": {"path": "sub/cache.sqlite", "size_limit_mb": 256, "ensure_directory": true}}}'
	set_value k value
	expect_value k value
	expect layers memory,disk "$(get_xattr k user.cachefs.layers)"
	expect limit 512 "$(jq '.layers[0].options.max_entries' "$MNT/.cachefs/config.json")"
	ttl_between k 200 300
	test -f sub/cache.sqlite
}

test_the_plugin_ids_of_the_package_are_types() {
	mount_with '{"plugin": "advanced", "options": {"max_entries": 5}}'
	set_value k x
	expect layers memory "$(get_xattr k user.cachefs.layers)"
	unmount
	mount_with '{"type": "flexible-layered", "options": {"layers": [{}, {"type": "disk", "options": {"path": "db"}}]}}'
	set_value k x
	expect layers memory,disk "$(get_xattr k user.cachefs.layers)"
}

test_bare_options_are_those_of_a_memory_cache() {
	mount_with '{"max_entries": 2}'
	for key in a b c; do set_value $key x; done
	expect_list "" "b c"
}

test_a_cache_that_is_not_enabled_accepts_and_forgets_and_says_so() {
	mount_with '{"plugin": "disk", "enabled": false, "options": {"path": "db.sqlite"}}'
	set_value k value
	expect_miss k
	grep -qF '"enabled" is false' "$LOG" || fail "nothing in the log"
	[[ ! -e db.sqlite ]] || fail "there is a database"
}

test_ttl_s_is_an_own_ttl_of_what_has_no_other() {
	mount_with '{"memory": {"default_ttl_s": 5}, "disk": {"path": "db.sqlite"}, "ttl_s": "300"}'
	set_value k x
	ttl_between k 200 300
	ln -s k "$MNT/link"
	mkdir "$MNT/d" "$MNT/never"
	set_ttl d 900
	set_ttl never never
	set_value d/k x
	ttl_between d/k 600 900
	set_value never/k x
	expect "TTL under a directory's" never "$(get_xattr never/k user.cachefs.ttl)"
	set_ttl k 9000
	ttl_between k 8000 9000
	set_value k2 x
	mv "$MNT/k2" "$MNT/d/k2"
	ttl_between d/k2 200 300
	restart_daemon
	ttl_between d/k2 200 300
	set_value k3 x
	ttl_between k3 200 300
}

test_a_ttl_of_the_root_itself_goes_before_ttl_s() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], "ttl_s": 300}'
	set_ttl . 900
	set_value k x
	ttl_between k 600 900
	restart_daemon
	set_value k x
	ttl_between k 600 900
	set_ttl . never
	set_value k x
	expect "TTL under never" never "$(get_xattr k user.cachefs.ttl)"
	setfattr -x user.cachefs.ttl "$MNT"
	set_value k x
	ttl_between k 200 300
}

test_what_ttl_s_gave_ends() {
	mount_with '{"memory": {}, "disk": {"path": "db.sqlite"}, "ttl_s": 0.2}'
	set_value k x
	wait_until 20 is_gone k
	expect_absent k
}

test_priorities_show_as_they_were_given_and_may_be_fractions() {
	mount_with '{"layers": [{"name": "slow", "priority": 0.75}, {"name": "fast", "priority": -7}, {"name": "mid", "priority": "0.5"}]}'
	expect priorities '[["fast",-7],["mid",0.5],["slow",0.75]]' \
		"$(jq -c '[.layers[] | [.name, .priority]]' "$MNT/.cachefs/config.json")"
}

test_no_timeout_at_all_is_the_default_one() {
	start_redis
	mount_with '{"type": "redis", "options": {"unix_socket_path": "redis.sock", "socket_timeout": 0, "socket_connect_timeout": 0.0}}'
	set_value k value
	expect_value k value
	expect timeouts "[5,5]" "$(jq -c '.layers[0].options | [.socket_timeout, .socket_connect_timeout]' "$MNT/.cachefs/config.json")"
	expect warnings 2 "$(grep -c 'nothing waits without a deadline here' "$LOG")"
}

test_two_layers_with_one_store_are_not_mounted() {
	local rc=0
	ln -s db.sqlite link.sqlite
	echo '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}, {"type": "disk", "options": {"path": "link.sqlite"}}]}' >c.json
	timeout 20 "$CACHEFS" -f c.json "$MNT" 2>err || rc=$?
	expect status 1 "$rc"
	grep -qF '$.layers[1].options.path: this is the store of $.layers[0].options' err || fail "$(<err)"
	[[ ! -e db.sqlite ]] || fail "there is a database"
}

run_tests
