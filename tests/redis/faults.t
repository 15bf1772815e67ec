#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Redis away, hung, full, read-only, empty: the mount goes on, and nothing that was acknowledged is lost.

# mount_three [TIMEOUT]: memory, Redis and a database.
mount_three() {
	mount_with '{"layers": [{"type": "memory"},
		{"type": "redis", "name": "shared", "options": {"unix_socket_path": "redis.sock", "socket_timeout": '"${1:-0.5}"',
			"socket_connect_timeout": 0.5, "max_connections": 5}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
}

was_said() {
	[[ $(grep -c "$1" "$LOG") -ge ${2:-1} ]]
}

test_the_mount_comes_up_when_redis_is_absent_and_uses_it_once_it_is_there() {
	mount_three
	set_value k value
	expect_value k value
	expect down true "$(layer_stat shared down)"
	[[ $(layer_stat shared trouble) == *redis.sock* ]]
	expect "said once" 1 "$(grep -c '"shared" down' "$LOG")"
	start_redis
	wait_until 30 layer_is shared false
	wait_until 30 was_said '"shared" up again'
	set_value k2 value2
	expect "cache-get" value2 "$(redis cache-get k2)"
}

test_redis_alone_and_absent_is_misses_and_failed_sets() {
	mount_redis
	expect_list "" ""
	expect_miss k
	echo value >value
	expect_error "Input/output error" cp value "$MNT/k"
	start_redis
	wait_until 30 layer_is redis false
	set_value k value
	expect_value k value
}

test_a_killed_redis_costs_nothing_but_itself() {
	start_redis
	mount_three
	local i
	for ((i = 0; i < 20; i++)); do
		set_value "k$i" "v$i"
	done
	stop_redis
	for ((i = 0; i < 20; i++)); do
		expect_value "k$i" "v$i"
		set_value "k$i" "w$i"
	done
	rm "$MNT/k0"
	mv "$MNT/k1" "$MNT/moved"
	chmod 600 "$MNT/k2"
	expect down true "$(layer_stat shared down)"
	start_redis
	wait_until 30 layer_is shared false
	for ((i = 2; i < 20; i++)); do
		expect_value "k$i" "w$i"
	done
	expect_value moved w1
	expect_absent k0
	expect_absent k1
}

# What it holds of before is what it had missed: kept by the server's own persistence.
test_what_redis_missed_does_not_come_back_with_it() {
	start_redis --appendonly yes --appendfsync always
	mount_three
	mkdir "$MNT/d"
	set_value k old
	set_value gone old
	set_value d/below old
	stop_redis
	set_value k new
	rm "$MNT/gone"
	rmdir "$MNT/d"
	unmount
	rm -f db.sqlite*
	start_redis --appendonly yes --appendfsync always
	expect "the server's old value" old "$(redis cache-get gone)"
	start_daemon "$TMP/cachefs.json"
	wait_until 30 layer_is shared false
	expect_absent gone
	expect_miss k
	expect_miss d/below
	wait_until 30 nothing_is_left_of gone
}

nothing_is_left_of() {
	! redis cache-get "$1" >/dev/null 2>&1
}

test_a_redis_that_hangs_at_the_start_does_not_keep_the_mount_from_coming_up() {
	start_redis
	stop_process "$REDIS_PID"
	local start
	start=$(now_ms)
	mount_three 20
	(($(now_ms) - start < 15000)) || fail "the mount took $(($(now_ms) - start)) ms"
	expect_list "" ""
	kill -CONT "$REDIS_PID"
	wait_until 30 layer_is shared false
	set_value k value
	expect "cache-get" value "$(redis cache-get k)"
}

test_a_redis_that_comes_back_empty_takes_new_sets() {
	start_redis
	mount_three
	set_value k value
	stop_redis
	start_redis
	wait_until 30 layer_is shared false
	expect_value k value
	set_value k new
	expect_value k new
	expect "cache-get" new "$(redis cache-get k)"
}

# Its snapshot is of before what it had acknowledged: a newer value, removals.
test_a_redis_that_comes_back_with_an_older_snapshot_is_not_believed() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "redis", "name": "shared", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
	mkdir "$MNT/d" "$MNT/e"
	set_value k old
	set_value gone old
	set_value from old
	set_value d/below old
	set_value e/below old
	set_value kept value
	redis SAVE >/dev/null
	set_value k new
	rm "$MNT/gone"
	mv "$MNT/from" "$MNT/to"
	rmdir "$MNT/d"
	mv "$MNT/e" "$MNT/f"
	stop_redis
	start_redis
	wait_until 30 layer_is shared false
	expect_value k new
	expect_value to old
	expect_value f/below old
	local key
	for key in gone from d/below e/below; do
		expect_absent "$key"
	done
	expect_list "" "f k kept to"
	expect "said once" 1 "$(grep -c 'came back without changes' "$LOG")"
	for key in k gone from d/below e/below; do
		wait_until 30 theirs_is_gone "$key"
	done
	restart_daemon
	wait_until 30 layer_is shared false
	expect_list "" "f k kept to"
	expect "layers" disk,shared "$(get_xattr kept user.cachefs.layers)"
}

# The value that is kept would have to go for it.
test_what_only_a_copy_could_change_is_refused_while_redis_is_away() {
	start_redis --appendonly yes --appendfsync always
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	set_value k value
	set_value moved here
	mkdir "$MNT/d"
	set_value d/below deep
	stop_redis
	expect_value k value
	expect_error "Input/output error" chmod 600 "$MNT/k"
	expect_error "Input/output error" mv "$MNT/moved" "$MNT/there"
	expect_error "Input/output error" mv "$MNT/d" "$MNT/e"
	start_redis --appendonly yes --appendfsync always
	wait_until 30 layer_is redis false
	restart_daemon
	expect_value k value
	expect_value moved here
	expect_value d/below deep
	expect_absent there
}

test_a_redis_that_comes_back_with_all_that_it_took_is_believed() {
	start_redis --appendonly yes --appendfsync always
	mount_redis
	mkdir "$MNT/d"
	set_value k old
	set_value moved value
	set_value d/below old
	set_value touched value
	set_value k new
	rmdir "$MNT/d"
	mkdir "$MNT/d"
	mv "$MNT/moved" "$MNT/d/moved"
	chmod 600 "$MNT/touched"
	set_value again old
	rm "$MNT/again"
	set_value again new
	stop_redis
	start_redis --appendonly yes --appendfsync always
	wait_until 30 layer_is redis false
	expect_value k new
	expect_value d/moved value
	expect_value again new
	expect mode 600 "$(stat -c %a "$MNT/touched")"
	expect_list "" "again d k touched"
	expect "what it lost" 0 "$(grep -c 'came back without' "$LOG" || true)"
}

test_a_redis_without_memory_left_takes_no_sets_and_nothing_is_lost() {
	start_redis
	mount_three
	set_value k value
	redis CONFIG SET maxmemory-policy noeviction >/dev/null
	redis CONFIG SET maxmemory 1 >/dev/null
	set_value k new
	set_value other value
	expect_value k new
	expect_value other value
	expect "its old value" 0 "$(redis EXISTS accuralai:cache:k)"
	expect "said once" 1 "$(grep -c 'takes no sets' "$LOG")"
	expect trouble "takes no sets" "$(layer_stat shared trouble)"
	restart_daemon
	expect_value k new
	redis CONFIG SET maxmemory 0 >/dev/null
	set_value k newer
	expect "cache-get" newer "$(redis cache-get k)"
}

test_a_full_redis_alone_refuses_a_set_and_keeps_the_old_value() {
	start_redis
	mount_redis
	set_value k value
	redis CONFIG SET maxmemory 1 >/dev/null
	echo new >new
	expect_error "No space left" cp new "$MNT/k"
	expect_value k value
	rm "$MNT/k"
	expect_absent k
}

test_a_read_only_replica_is_read() {
	start_redis
	mount_three
	set_value k value
	unmount
	rm -f db.sqlite*
	become_replica
	start_daemon "$TMP/cachefs.json"
	wait_until 30 layer_is shared false
	expect_value k value
	set_value k2 value2
	expect_value k2 value2
	expect "said once" 1 "$(grep -c 'takes no sets' "$LOG")"
}

# It can neither take the new value nor drop the old one, and copies of it elsewhere are compared with it.
test_what_a_replica_holds_of_before_is_not_believed() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "redis", "name": "shared", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	set_value k old
	set_value gone old
	become_replica
	set_value k new
	rm "$MNT/gone"
	expect "the replica's value" old "$(redis cache-get k)"
	expect_value k new
	restart_daemon
	wait_until 30 layer_is shared false
	expect_value k new
	expect_absent gone
	redis REPLICAOF NO ONE >/dev/null
	wait_until 30 theirs_is_gone k
	wait_until 30 theirs_is_gone gone
	expect_value k new
}

theirs_is_gone() {
	! redis cache-get "$1" >/dev/null 2>&1 || [[ $(redis cache-get "$1") = new ]]
}

# Gets of what another program wrote would like to note it in the index: each would cost a refusal.
test_a_replica_is_not_asked_again_and_again_to_take_metadata() {
	start_redis
	mount_redis
	redis cache-set a/1 v >/dev/null
	redis cache-set a/2 v >/dev/null
	wait_until 30 test -e "$MNT/a" # of their keys, once the walk has met one
	expect_value a/1 v
	become_replica
	expect_error "" cp /etc/hostname "$MNT/new"
	expect trouble "takes no sets" "$(layer_stat redis trouble)"
	redis CONFIG RESETSTAT >/dev/null
	local i
	for ((i = 0; i < 10; i++)); do
		expect_value a/2 v
	done
	expect "tries" "" "$(redis INFO commandstats | grep cmdstat_watch || true)"
}

test_a_redis_that_is_busy_with_a_script_is_away() {
	start_redis
	mount_three
	set_value k value
	redis CONFIG SET busy-reply-threshold 1 >/dev/null
	redis EVAL 'while true do end' 0 >/dev/null 2>&1 || true &
	wait_until 30 it_is_busy
	set_value k new
	expect_value k new
	expect down true "$(layer_stat shared down)"
	[[ $(layer_stat shared trouble) == *BUSY* ]] || fail "trouble: $(layer_stat shared trouble)"
	! was_said 'takes no sets' || fail "it was not asked to take any"
	redis SCRIPT KILL >/dev/null
	wait_until 30 layer_is shared false
	wait_until 30 theirs_is_gone k
}

it_is_busy() {
	redis PING 2>&1 | grep -q BUSY
}

test_an_empty_or_dropped_connection_is_made_again() {
	start_redis
	mount_redis
	set_value k value
	redis CLIENT KILL TYPE normal SKIPME yes >/dev/null
	expect_value k value
	set_value k new
	expect_value k new
}

# More of them than were once remembered one by one: then all that anybody keeps there was removed.
test_many_directories_removed_while_redis_is_away_leave_all_else_in_it() {
	start_redis --appendonly yes --appendfsync always
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "name": "shared",
		"options": {"unix_socket_path": "redis.sock"}}], "cachefs": {"state_dir": "state"}}'
	local i
	mkdir "$MNT/own"
	set_value own/live v
	for ((i = 0; i < 300; i++)); do
		mkdir "$MNT/d$i"
		set_value "d$i/f" v
		echo "SET accuralai:cache:other-mount/$i v"
	done >commands
	redis <commands >/dev/null
	stop_redis
	for ((i = 0; i < 300; i++)); do
		control "invalidate-prefix d$i/"
	done
	expect distrusted false "$(layer_stat shared distrusted)"
	start_redis --appendonly yes --appendfsync always
	wait_until 60 layer_is shared false
	wait_until 60 layer_is_told shared
	expect "of another mount" v "$(redis GET accuralai:cache:other-mount/299)"
	expect "all of them" 300 "$(redis --raw KEYS 'accuralai:cache:other-mount/*' | wc -l)"
	expect_value own/live v
	expect "removed" 0 "$(redis --raw KEYS 'accuralai:cache:d*/f' | grep -c . || true)"
}

run_tests
