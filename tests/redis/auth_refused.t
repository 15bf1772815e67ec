#!/bin/bash
# A password that is wrong or missing, and what a user may not do, are said once and spoil nothing else.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/auth.sh"

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

run_tests
