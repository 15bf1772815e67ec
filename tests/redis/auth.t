#!/bin/bash
# A password and a user log in to Redis, and a password is shown nowhere.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/auth.sh"

test_a_password_from_a_file_logs_in_and_is_shown_nowhere() {
	echo s3cret-word >secret
	chmod 600 secret
	start_redis --requirepass s3cret-word
	mount_redis '"password_file": "secret"'
	set_value k value
	expect_value k value
	is_secret_nowhere s3cret-word
}

test_a_password_from_the_configuration_is_masked() {
	start_redis --requirepass s3cret-word
	mount_redis '"password": "s3cret-word"'
	set_value k value
	expect_value k value
	is_secret_nowhere s3cret-word
}

# Who may do just what docs/redis.md says.
test_a_user_and_a_password_from_the_environment_log_in() {
	start_redis
	redis ACL SETUSER cachefs on '>s3cret-word' '~accuralai:cache:*' '~cachefs:index:accuralai:cache:' \
		'~cachefs:dirs:accuralai:cache:' +multi +exec +watch +unwatch +get +set +strlen +pttl +pexpiretime +pexpireat \
		+persist +time +touch +unlink +rename +zadd +zrem +zremrangebylex +zrangebylex +zlexcount +zcard +scan +dbsize \
		+info +ping +select +client >/dev/null
	redis ACL SETUSER default off >/dev/null
	export CACHE_PASSWORD=s3cret-word
	mount_redis '"username": "cachefs", "password_env": "CACHE_PASSWORD"'
	mkdir "$MNT/d"
	set_value d/k value
	chmod 600 "$MNT/d/k"
	set_ttl d/k 100
	setfattr -x user.cachefs.ttl "$MNT/d/k"
	mv "$MNT/d/k" "$MNT/d/l"
	mv "$MNT/d" "$MNT/e"
	expect_value e/l value
	rm "$MNT/e/l"
	rmdir "$MNT/e"
	expect "log" "" "$(grep -v info "$LOG" || true)"
	is_secret_nowhere s3cret-word
}

test_another_database_and_another_prefix_are_another_cache() {
	start_redis
	mount_redis '"db": 3, "key_prefix": "p*[1]:"'
	set_value k value
	expect_value k value
	expect "the default database" 0 "$(redis DBSIZE)"
	restart_daemon
	expect_list "" k
	expect_value k value
	rm "$MNT/k"
	expect_absent k
}

test_tcp_works_too() {
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	start_redis --port "$port" --bind 127.0.0.1
	mount_with '{"type": "redis", "options": {"host": "localhost", "port": '"$port"', "max_connections": 2}}'
	set_value k value
	expect_value k value
	expect "GET" value "$(redis cache-get k)"
}

run_tests
