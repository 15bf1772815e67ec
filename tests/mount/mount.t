#!/bin/bash
# A mount comes up as it was configured, and shows its limit and free space.
. "$(dirname "$0")/../lib.sh"

test_the_file_system_type_is_fuse_cachefs() {
	mount_stack
	grep -q " $MNT fuse.cachefs " /proc/mounts
}

# The daemon in the background is no child of ours; who mounted here is known by /proc.
background_pid() {
	local p
	for p in /proc/[0-9]*; do
		if tr '\0' '\n' <"$p/cmdline" 2>/dev/null | grep -qxF "$MNT"; then
			echo "${p#/proc/}"
		fi
	done
}

test_it_goes_to_the_background_when_the_mount_answers() {
	printf '{"type": "memory"}' >cachefs.json
	"$CACHEFS" cachefs.json "$MNT" </dev/null >>"$LOG" 2>&1
	is_mounted
	set_value k value
	expect_value k value
	local pid
	pid=$(background_pid)
	[[ $pid ]] || fail "no daemon found"
	fusermount3 -u "$MNT"
	DAEMON_PID=$pid
	wait_until 20 daemon_has_ended
	DAEMON_PID=
}

test_the_exit_status_tells_that_the_mount_failed() {
	printf '{"type": "memory"}' >cachefs.json
	local rc=0
	"$CACHEFS" cachefs.json "$TMP/absent" 2>errors || rc=$?
	expect "exit status" 1 "$rc"
	grep -q "$TMP/absent" errors
}

test_the_default_configuration_keeps_its_database_in_the_cache_directory() {
	mkdir cache
	XDG_CACHE_HOME=$TMP/cache "$CACHEFS" -f "$MNT" </dev/null >>"$LOG" 2>&1 &
	DAEMON_PID=$!
	wait_until 20 daemon_is_up
	set_value k value
	unmount
	test -f cache/cachefs/default.sqlite
	expect "key in the database" value \
		"$(sqlite3 cache/cachefs/default.sqlite "SELECT payload FROM cache WHERE cache_key = 'k'")"
}

test_statfs_shows_the_limit_and_free_space() {
	mount_stack '' '"size_limit_mb": 64'
	random_file v 1000000
	cp v "$MNT/k"
	local total free
	read -r total free < <(df -B1 --output=size,avail "$MNT" | tail -n 1)
	expect "the size" $((64 * 1024 * 1024)) "$total"
	((free > 0 && free < total)) || fail "$free free of $total"
}

test_a_full_cache_evicts_and_still_shows_free_space() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 4}}'
	random_file v 300000
	local i
	for ((i = 0; i < 30; i++)); do
		cp v "$MNT/k$i"
	done
	(($(ls "$MNT" | wc -l) < 30)) || fail "nothing was evicted"
	cmp v "$MNT/k29"
	(($(df -B1 --output=avail "$MNT" | tail -n 1) > 0)) || fail "no free space"
}

test_a_read_only_mount_refuses_sets() {
	mount_stack
	set_value k value
	unmount
	start_daemon -o ro "$TMP/cachefs.json"
	expect_value k value
	expect_error "Read-only file system" touch "$MNT/k2"
}

test_a_damaged_database_does_not_keep_the_mount_from_coming_up() {
	printf 'this is not a database, and long enough to be seen as none %.0s' {1..100} >db.sqlite
	cp db.sqlite before
	mount_stack
	echo value >v
	if cp v "$MNT/k" 2>/dev/null; then # unlike a shell, it looks at what close() says
		fail "a set was acknowledged that nothing keeps"
	fi
	unmount
	cmp before db.sqlite
}

run_tests
