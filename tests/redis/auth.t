#!/bin/bash
. "$(dirname "$0")/../lib.sh"

is_secret_nowhere() {
	! grep -r "$1" "$LOG" || fail "the log has the password"
	! grep "$1" "$MNT/.cachefs/config.json" "$MNT/.cachefs/stats.json" || fail ".cachefs has the password"
	! tr '\0' '\n' <"/proc/$DAEMON_PID/cmdline" | grep "$1" || fail "the command line has the password"
}

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

test_a_password_that_is_changed_in_its_file_is_used_once_the_old_one_is_refused() {
	echo s3cret-word >secret
	start_redis --requirepass s3cret-word
	mount_redis '"password_file": "secret"'
	set_value k value
	REDISCLI_AUTH=s3cret-word redis CONFIG SET requirepass 0ther-word >/dev/null
	expect_value k value
	REDISCLI_AUTH=0ther-word redis CLIENT KILL TYPE normal SKIPME yes >/dev/null
	wait_until 30 layer_is redis true
	[[ $(layer_stat redis trouble) == *WRONGPASS* ]]
	echo 0ther-word >secret
	wait_until 30 layer_is redis false
	expect_value k value
	is_secret_nowhere 0ther-word
}

test_a_wrong_password_is_a_layer_that_is_down() {
	start_redis --requirepass s3cret-word
	mount_redis '"password": "wr0ng-word"'
	expect_miss k
	expect down true "$(layer_stat redis down)"
	[[ $(layer_stat redis trouble) == *AUTH* ]]
	is_secret_nowhere wr0ng-word
}

test_a_missing_password_is_named() {
	start_redis --requirepass s3cret-word
	mount_redis
	expect_miss k
	[[ $(layer_stat redis trouble) == *NOAUTH* ]]
}

test_a_password_that_cannot_be_had_is_a_mistake_of_the_configuration() {
	expect_error 'cannot read' mount_once '"password_file": "absent"'
	expect_error 'has no NO_SUCH_VARIABLE' mount_once '"password_env": "NO_SUCH_VARIABLE"'
	expect_error 'keep one of them' mount_once '"password": "a", "password_env": "HOME"'
}

mount_once() {
	printf '{"type": "redis", "options": {%s}}' "$1" >once.json
	"$CACHEFS" --check-config once.json
}

times_refused() {
	redis INFO commandstats | sed -n "s/^cmdstat_$1:.*rejected_calls=\([0-9]*\).*/\1/p" | grep . || echo 0
}

# The thread in the background asks for both; the connection it asked on is the one that we get and set with.
test_what_a_user_may_not_do_is_said_once_and_spoils_nothing_else() {
	start_redis
	redis ACL SETUSER cachefs on '>s3cret-word' '~*' '&*' +@all -dbsize -scan >/dev/null
	mount_redis '"username": "cachefs", "password": "s3cret-word", "max_connections": 1'
	local i
	for ((i = 0; $(times_refused dbsize) < 3; i++)); do
		set_value k "$i"
		expect_value k "$i"
	done
	for i in dbsize scan; do
		expect "said once" 1 "$(grep -c "NOPERM.*$i" "$LOG")"
	done
	! grep "takes no sets" "$LOG" || fail "it takes sets"
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
