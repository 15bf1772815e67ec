#!/bin/bash
# The state directory: where it lies, whose it is, and when there is none.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/state.sh"

test_a_state_directory_is_made_for_its_owner_alone() {
	mount_two
	expect mode 700 "$(stat -c %a state)"
	expect mode 600 "$(stat -c %a state/state.sqlite)"
}

test_a_plain_stack_makes_no_state_directory() {
	mount_stack '"state_dir": "state"'
	set_value k v
	[ ! -e state ]
}

test_by_default_the_state_lies_below_xdg_state_home() {
	mount_with '{"layers": [{"type": "disk", "name": "a", "options": {"path": "a.sqlite"}},
		{"type": "disk", "name": "b", "options": {"path": "b.sqlite"}}]}'
	ls "$XDG_STATE_HOME"/cachefs/cachefs-*/state.sqlite
	expect directories 1 "$(ls "$XDG_STATE_HOME/cachefs" | wc -l)"
}

test_a_second_daemon_with_the_same_state_directory_is_told_whose_it_is() {
	local rc=0
	mount_two
	mkdir other
	"$CACHEFS" -f cachefs.json other >second.log 2>&1 || rc=$?
	expect status 1 "$rc"
	grep -q "in use by another daemon, pid $DAEMON_PID" second.log
	grep -q 'name another "state_dir"' second.log
	set_value k v
	expect_value k v
}

test_a_daemon_started_right_after_an_unmount_waits_for_the_state_directory() {
	mount_two
	for i in 1 2 3; do
		fusermount3 -u "$MNT"
		DAEMON_BEFORE=$DAEMON_PID
		start_daemon "${DAEMON_ARGUMENTS[@]}"
		wait "$DAEMON_BEFORE"
	done
}

test_a_state_directory_that_cannot_be_made_is_an_error_with_a_remedy() {
	local rc=0
	touch file
	printf '%s' '{"layers": [{"type": "disk", "name": "a", "options": {"path": "a.sqlite"}},
		{"type": "disk", "name": "b", "options": {"path": "b.sqlite"}}], "cachefs": {"state_dir": "file/state"}}' >c.json
	"$CACHEFS" -f c.json "$MNT" >out 2>&1 || rc=$?
	expect status 1 "$rc"
	grep -q 'state_dir' out
}

test_a_state_directory_below_the_mount_point_is_refused() {
	local rc=0
	printf '%s' '{"type": "memory", "cachefs": {"state_dir": "mnt/state"}}' >c.json
	"$CACHEFS" -f c.json "$MNT" >out 2>&1 || rc=$?
	expect status 1 "$rc"
	grep -q 'below the mount point' out
}

run_tests
