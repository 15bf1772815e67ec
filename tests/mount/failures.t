#!/bin/bash
# A mount point or layer that a mount cannot come up with is said in one sentence, with its remedy.
. "$(dirname "$0")/private.sh"
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/failures.sh"

test_the_mount_point_is_missing() {
	memory_config
	expect_sentence "$TMP/no: cannot mount here: there is no such directory; create it: mkdir -p $TMP/no" \
		"$CACHEFS" c.json "$TMP/no"
}

test_the_mount_point_is_a_file() {
	memory_config
	expect_sentence "$TMP/c.json: cannot mount here: not a directory; name a directory" \
		"$CACHEFS" c.json "$TMP/c.json"
}

test_the_mount_point_lies_in_a_dead_mount() {
	mount_stack
	mkdir "$MNT/dir"
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	local rc=0
	"$CACHEFS" cachefs.json "$MNT/other/dir" >said 2>&1 || rc=$?
	expect "what it says" "cachefs: $MNT/other/dir: cannot mount here: it lies in a mount whose daemon is dead; start that one again, or remove it: umount -f $MNT" "$(<said)"
	expect "exit status" 1 "$rc"
	umount -l "$MNT"
}

test_a_layer_lies_below_the_mount_point() {
	printf '{"type": "disk", "options": {"path": "%s/db.sqlite"}}' "$MNT" >c.json
	expect_sentence "$MNT/db.sqlite: the path of layer \"disk\" lies below the mount point; move one of them" \
		"$CACHEFS" c.json "$MNT"
}

run_tests
