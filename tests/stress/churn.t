#!/bin/bash
# Random operations by many processes on a few names, some killed or interrupted in the middle (see
# churn.c): no errno that a local file system would not give, nobody hangs, and what is left is
# whole. Then everything is removed, and nothing may be left in any layer or in the daemon.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=${STRESS_SECONDS:-400}
SECONDS_EACH=${LONG:+120}
SECONDS_EACH=${SECONDS_EACH:-8}

# churn OPTION...: its report goes to the log too.
churn() {
	local rc=0
	timeout -k 5 "$TEST_SECONDS" "$HELPERS/churn" "$@" >report 2>&1 || rc=$?
	tee -a "$LOG" <report
	[[ $rc = 0 ]] || fail "churn $* ended with $rc: $(grep -m 3 '^churn: [a-z -]*: ' report)"
}

# What the daemon has open but its databases, whose connections are pooled.
open_descriptors() {
	ls -l "/proc/$DAEMON_PID/fd" | grep -cvE 'db\.sqlite|state\.|journal|\.log$' || true
}

# Inodes and names, once the kernel has let go of what it does not use.
daemon_holds() {
	sync -f "$MNT"
	echo 2 >/proc/sys/vm/drop_caches
	echo "inodes $(stat_of .memory.inodes) names $(stat_of .memory.names)" \
		"handles $(stat_of .memory.handles) pending $(stat_of .memory.pending_bytes)" \
		"waiting $(stat_of .waits.waiting) descriptors $(open_descriptors)"
}

# What stats.json says of itself is part of it: the same look, before and after.
holds_what_it_held() {
	HOLDS=$(daemon_holds)
	[[ $HOLDS == "$HELD" ]]
}

# Tickets of opens that were given up end when the next LOOKUP finds them too old.
nothing_is_held() {
	is_gone nothing
	[[ $(daemon_holds) == *" names 0 handles 0 pending 0 waiting 0 "* ]]
}

layers_are_empty() {
	USED=$(stat_of '[.layers[].entries] | add')
	[[ $USED = 0 ]]
}

# What is left says whether a name was there that is not, or went meanwhile.
remove_all() {
	find "$MNT" -mindepth 1 -delete || fail "left: $(find "$MNT" -mindepth 1 -ls 2>&1 | head -n 5)"
}

# A mount that has been used before: threads and connections are there.
settle() {
	"$HELPERS/churn" -t 1 "$@" "$MNT" >/dev/null
	remove_all
	wait_until 30 nothing_is_held
	HELD=$(daemon_holds)
}

# What there is below a directory: type and path of each, but directories (without a durable layer
# the daemon keeps them) and scratch names.
contents_of() {
	(cd "$1" && find . ! -type d ! -name '*.tmp' -printf '%y %p\n' | sort)
}

# The slowest layer shows what the mount shows, the others nothing that it does not.
expect_layers_to_agree() {
	local layer slowest
	slowest=$(ls "$MNT/.cachefs/layers" | grep -x disk || ls "$MNT/.cachefs/layers")
	contents_of "$MNT" >there
	contents_of "$MNT/.cachefs/layers/$slowest" >stored
	diff there stored
	for layer in $(ls "$MNT/.cachefs/layers"); do
		(cd "$MNT/.cachefs/layers/$layer" && find . -type f -print0) |
			(cd "$MNT/.cachefs/layers/$layer" && xargs -0 -r -I{} cmp {} "$MNT/{}")
	done
}

# churn_and_look OPTION...
churn_and_look() {
	settle "$@"
	churn -t "$SECONDS_EACH" "$@" "$MNT"
	ttl_passes 0.1 # nothing ends while it is looked at
	expect_layers_to_agree
	remove_all
	expect_list . ""
	wait_until 20 layers_are_empty
	for try in {1..60}; do
		is_gone nothing
		! holds_what_it_held || return 0
		sleep 0.2
	done
	fail "held $HELD, holds $HOLDS"
}

test_a_plain_directory_passes() {
	PLAIN=$(mktemp -d /dev/shm/cachefs-churn.XXXXXX)
	trap 'rm -rf "$PLAIN"; tear_down' EXIT
	churn -t 2 "$PLAIN"
}

test_memory_over_disk_stays_whole() {
	mount_stack '"rmdir": "empty_only"'
	churn_and_look
}

test_memory_alone_stays_whole_with_prefixes_invalidated() {
	mount_with '{"type": "memory"}'
	churn_and_look --rmdir-prefix
}

test_several_users_with_permissions_checked_by_the_kernel() {
	echo '{"memory": {}, "disk": {"path": "db.sqlite"}}' >cachefs.json
	start_daemon -o allow_other cachefs.json
	chmod 755 "$TMP"
	chmod 777 "$MNT"
	churn_and_look --strangers --rmdir-prefix
}

run_tests
