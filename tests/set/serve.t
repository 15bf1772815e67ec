#!/bin/bash
# "on_error": "serve": for a job that must not fail because a cache is away, what no durable layer takes stays in the
# others.
. "$(dirname "$0")/../lib.sh"

# mount_serving LAYER [MEMBERS] [SETTINGS]: memory over that layer
mount_serving() {
	mount_with '{"layers": [{"type": "memory"}, '"$1"'], "on_error": "serve"'"${2:+, $2}"',
		"cachefs": {"state_dir": "state"'"${3:+, $3}"'}}'
}

number() {
	jq ".$1" "$MNT/.cachefs/stats.json"
}

# times TEXT: in the log
times() {
	grep -c "$1" "$LOG" || true
}

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

test_a_value_that_is_too_large_for_what_is_durable_stays_in_memory() {
	mount_serving '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	set_value k old
	random_file big 3000000
	cat big >"$MNT/k"
	cmp big "$MNT/k"
	expect layers memory "$(get_xattr k user.cachefs.layers)"
	expect counted 1 "$(number unkept_sets)"
	restart_daemon
	expect_miss k
}

test_a_full_disk_fails_no_job() {
	small_disk 2
	mount_serving '{"type": "file", "options": {"directory": "store/files"}}'
	set_value k old
	fill_up
	letters new n 30000
	local i
	for i in 1 2 3 4 5 6; do
		cp new "$MNT/k"
		cmp new "$MNT/k"
		cp new "$MNT/k$i"
	done
	cmp new "$MNT/k1"
	cmp new "$MNT/k6"
	[[ $(number unkept_sets) -ge 1 ]] || fail "the disk was not full"
	unmount
	start_daemon "$TMP/cachefs.json"
	[[ $(cat "$MNT/k" 2>&1 || true) != old ]] || fail "an older value is back"
}

test_a_layer_that_sets_pass_by_serves_what_no_other_takes() {
	start_redis
	mount_serving "$REDIS" '"write_strategy": "write_around"'
	set_value k old
	expect layers redis "$(get_xattr k user.cachefs.layers)"
	stop_redis
	set_value k new
	expect_value k new
	expect layers memory "$(get_xattr k user.cachefs.layers)"
	start_redis
	wait_until 60 layer_is redis false
	wait_until 60 layer_is_told redis
	expect_value k new
	set_value k newer
	expect layers redis "$(get_xattr k user.cachefs.layers)"
	expect_value k newer
}

test_a_full_journal_fails_no_job() {
	start_redis
	mount_serving "$REDIS" '"write_strategy": "write_back"' '"journal_max_mb": 1, "journal_wait": 0.1, "drain_timeout": 0'
	letters value v 300000
	stop_redis
	local i
	for i in 1 2 3 4 5 6; do
		cat value >"$MNT/k$i"
	done
	for i in 1 2 3 4 5 6; do
		cmp value "$MNT/k$i"
	done
	[[ $(number unkept_sets) -ge 2 ]] || fail "counted: $(number unkept_sets)"
	expect "lines of the log" 1 "$(times 'on_error: no layer')"
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
