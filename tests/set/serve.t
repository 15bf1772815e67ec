#!/bin/bash
# "on_error": "serve": a job does not fail because a cache is away; what no durable layer takes stays in the
# others.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/serve.sh"

# A job that looks at every status: nothing durable takes anything.
run_job() {
	bash -euc 'cd "$1"
		echo v >k
		cp k copy
		cp -p k copy
		echo w >>k
		mkdir -p answers/today
		echo 42 >answers/today/x.tmp
		mv answers/today/x.tmp answers/today/x
		mv copy renamed
		touch k
		chmod 600 k
		dd if=k of=synced conv=fsync status=none
		ln -s k link
		rm link' _ "$MNT"
	expect_value k $'v\nw'
	expect_value renamed v
	expect_value synced $'v\nw'
	expect_value answers/today/x 42
	expect_list answers today
	expect_list answers/today x
	expect_absent copy
	expect mode 600 "$(stat -c %a "$MNT/k")"
	[[ $(number unkept_sets) -ge 6 ]] || fail "counted: $(number unkept_sets)"
	expect "failed sets" 0 "$(number failed_sets)"
	expect "lines of the log" 1 "$(times 'on_error: no layer')"
}

# The layers that are durable are there again, and have not got it: it stays all the same.
expect_still_served() {
	expect_value k $'v\nw'
	expect_value answers/today/x 42
	expect_list answers today
	expect_list answers/today x
	expect_list "" "answers k renamed synced"
}

expect_kept_again() {
	echo kept >"$MNT/later"
	expect "lines of the log" 1 "$(times 'on_error: what is set is kept again')"
	restart_daemon
	expect_value later kept
	[[ $(cat "$MNT/k" 2>&1 || true) != old ]] || fail "an older value is back"
}

test_a_server_that_is_down_fails_no_job() {
	start_redis
	mount_serving "$REDIS"
	set_value k old
	set_value renamed old
	stop_redis
	run_job
	start_redis
	wait_until 60 layer_is redis false
	wait_until 60 layer_is_told redis
	expect_still_served
	redis SET accuralai:cache:renamed theirs >/dev/null
	wait_until 10 value_is renamed theirs
	expect_kept_again
}

value_is() {
	[[ $(cat "$MNT/$1") = "$2" ]]
}

test_what_was_not_kept_is_not_as_old_after_a_restart() {
	start_redis
	mount_serving "$REDIS"
	set_value k old
	redis SAVE >/dev/null # it has the old value when it comes back
	stop_redis
	echo new >"$MNT/k"
	expect_value k new
	kill_daemon
	start_redis
	wait_until 60 layer_is redis false
	wait_until 60 layer_is_told redis
	expect_miss k
}

test_a_damaged_database_fails_no_job() {
	echo "this is no database, and none that may be written over" >db.sqlite
	mount_serving '{"type": "disk", "options": {"path": "db.sqlite"}}'
	run_job
}

test_it_is_a_word_of_both_shapes_and_fail_is_the_default() {
	mount_with '{"memory": {}, "disk": {"path": "db.sqlite"}, "on_error": "serve"}'
	expect shown serve "$(jq -r .on_error "$MNT/.cachefs/config.json")"
	unmount
	mount_stack
	expect shown fail "$(jq -r .on_error "$MNT/.cachefs/config.json")"
	echo '{"memory": {}, "disk": {}, "on_error": "server"}' >bad.json
	expect_error 'is not one of fail, serve' "$CACHEFS" --check-config bad.json
}

run_tests
