#!/bin/bash
# A Redis that is a read-only replica is read; what it holds of before is not believed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/faults.sh"

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

run_tests
