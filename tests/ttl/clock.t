#!/bin/bash
# Somebody sets the wall clock while the daemon runs (helpers/clock.c).
. "$(dirname "$0")/../lib.sh"

with_a_clock_to_set() {
	cat >daemon <<-END
		#!/bin/sh
		export LD_PRELOAD=$1 CLOCK_OFFSET=$TMP/offset FAKETIME=+0
		export ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0
		exec "$CACHEFS" "\$@"
	END
	chmod +x daemon
	CACHEFS=$TMP/daemon
}

# wall_clock_is_set SECONDS: it is so many ahead from now on
wall_clock_is_set() {
	echo "$1" >offset.new
	mv offset.new offset
}

# Whether an end comes when it was asked for: by_duration JSON
by_duration() {
	local step
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with "$1"
		mkdir "$MNT/d"
		set_value short value
		set_value long value
		set_value default value
		set_ttl short 3
		set_ttl long 1000
		set_ttl d 3
		set_value d/k value
		wall_clock_is_set "$step"
		expect_value long value
		expect_list d k
		wait_until 60 is_gone short
		wait_until 60 is_gone d/k
		expect_list d ""
		expect_value long value
		expect_value default value
		set_value later value
		set_ttl later 1
		wait_until 60 is_gone later
		expect_absent later
		expect_list "" "d default long"
		unmount
		rm -rf db.sqlite* files state
		[[ ! $REDIS_PID ]] || redis FLUSHALL >/dev/null
	done
}

test_a_ttl_counts_time_that_passes_in_memory() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"type": "memory"}'
}

test_a_ttl_counts_time_that_passes_on_disk() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration "$DISK"
}

test_a_ttl_counts_time_that_passes_in_files() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"type": "file", "options": {"directory": "files"}}'
}

test_a_ttl_counts_time_that_passes_in_redis() {
	with_a_clock_to_set "$HELPERS/clock.so"
	start_redis
	by_duration '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
}

# The journal keeps it: no slower layer can be written.
test_a_ttl_counts_time_that_passes_in_the_journal() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_duration '{"layers": [{"type": "noop"}, {"type": "redis", "options": {"unix_socket_path": "nobody.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
}

# restarted_after_a_step JSON: what is stored says the same to the next daemon, and to the package.
restarted_after_a_step() {
	local step
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with "$1"
		set_value before value
		set_ttl before 1000
		wall_clock_is_set "$step"
		set_value after value
		set_ttl after 1000
		set_value short value
		set_ttl short 1
		wait_until 60 is_gone short
		restart_daemon
		expect_value before value
		expect_value after value
		expect_absent short
		[[ $(get_xattr after user.cachefs.ttl) == 9[0-9][0-9].* ]] || fail "ttl $(get_xattr after user.cachefs.ttl)"
		[[ $(get_xattr before user.cachefs.ttl) == 9[0-9][0-9].* ]] || fail "ttl $(get_xattr before user.cachefs.ttl)"
		unmount
		rm -rf db.sqlite* files state
	done
}

test_a_ttl_is_remembered_over_a_step_and_a_restart() {
	with_a_clock_to_set "$HELPERS/clock.so"
	restarted_after_a_step "$DISK"
	restarted_after_a_step '{"type": "file", "options": {"directory": "files"}}'
	restarted_after_a_step '{"layers": [{"type": "noop"}, {"type": "redis", "options": {"unix_socket_path": "nobody.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
}

test_daemons_that_started_before_and_after_a_step_agree() {
	with_a_clock_to_set "$HELPERS/clock.so"
	wall_clock_is_set 0
	mount_with "$DISK"
	wall_clock_is_set 36000
	mkdir other
	"$CACHEFS" -f cachefs.json other </dev/null >>"$LOG" 2>&1 &
	at_end "fusermount3 -u -q $TMP/other"
	wait_until 60 is_mounted "$TMP/other"
	set_value k value
	set_ttl k 1000
	echo theirs >other/l
	setfattr -n user.cachefs.ttl -v 1000 other/l
	wait_until 60 eval '[[ $(cat other/k 2>/dev/null) == value ]]'
	expect_value l theirs
	expect_value k value
	fusermount3 -u other
}

# The server carries expiries out, by its own clock.
test_a_ttl_that_is_given_when_the_whole_machines_clock_has_been_set_holds_in_redis() {
	with_a_clock_to_set "$HELPERS/clock.so"
	wall_clock_is_set 0
	CLOCK_OFFSET=$TMP/offset LD_PRELOAD=$HELPERS/clock.so start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	local step
	for step in 36000 -36000; do
		wall_clock_is_set "$step"
		set_value k value
		set_ttl k 1000
		expect_value k value
		(($(redis PTTL accuralai:cache:k) > 900000 && $(redis PTTL accuralai:cache:k) <= 1001000)) ||
			fail "PTTL $(redis PTTL accuralai:cache:k)"
	done
}

test_a_layers_default_counts_time_that_passes() {
	local step
	with_a_clock_to_set "$HELPERS/clock.so"
	for step in 36000 -36000; do
		wall_clock_is_set 0
		mount_with '{"layers": [{"type": "memory", "options": {"default_ttl_s": 3}},
			{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 3}}]}'
		set_value k value
		wall_clock_is_set "$step"
		expect_value k value
		wait_until 60 is_gone k
		unmount
		rm -f db.sqlite*
	done
}

# by_moment JSON
by_moment() {
	wall_clock_is_set 0
	mount_with "$1"
	set_value k value
	set_value later value
	setfattr -n user.cachefs.expires_at -v $(($(date +%s) + 1000)) "$MNT/k"
	setfattr -n user.cachefs.expires_at -v $(($(date +%s) + 5000)) "$MNT/later"
	expect_value k value
	wall_clock_is_set 2000
	expect_absent k
	expect_value later value
	[[ $(get_xattr later user.cachefs.ttl) == [23][0-9][0-9][0-9].* ]] || fail "ttl $(get_xattr later user.cachefs.ttl)"
	unmount
	rm -rf db.sqlite* files state
}

test_a_moment_follows_the_wall_clock() {
	with_a_clock_to_set "$HELPERS/clock.so"
	by_moment '{"type": "memory"}'
	by_moment "$DISK"
	by_moment '{"type": "file", "options": {"directory": "files"}}'
	by_moment '{"layers": [{"type": "noop"}, {"type": "redis", "options": {"unix_socket_path": "nobody.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	start_redis
	by_moment '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
}

test_the_end_that_another_program_gave_follows_the_wall_clock() {
	with_a_clock_to_set "$HELPERS/clock.so"
	wall_clock_is_set 0
	mount_with "$DISK"
	set_value k value
	set_ttl k 5000
	sqlite3 db.sqlite "PRAGMA busy_timeout = 10000; UPDATE cache SET expires_at = unixepoch() + 1000" >/dev/null
	expect_value k value
	wall_clock_is_set 2000
	expect_absent k
}

test_a_daemon_starts_under_a_library_that_changes_clocks() {
	local library
	wall_clock_is_set 0
	for library in "$HELPERS/clock.so" /usr/lib/*/faketime/libfaketime*.so.1; do
		[[ -e $library ]] || continue
		[[ ${ASAN_OPTIONS:-} && $library == *libfaketime* ]] && continue
		(with_a_clock_to_set "$library"
			mount_with "$DISK"
			set_value k value
			expect_value k value
			unmount)
	done
}

run_tests
