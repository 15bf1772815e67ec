#!/bin/bash
# A moment follows the wall clock.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/clock.sh"

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
