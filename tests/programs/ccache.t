#!/bin/bash
# ccache with its cache directory on the mount: the second build is all hits.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"
. "$(dirname "$0")/ccache.sh"

expect_all_hits() {
	expect misses 0 "$(ccache_number cache_miss)"
	expect hits "$1" "$(($(ccache_number direct_cache_hit) + $(ccache_number preprocessed_cache_hit)))"
}

test_the_second_build_is_all_hits() {
	prepare
	build first
	ccache -z >/dev/null
	build second
	expect_all_hits 6
	cmp src/f1.first.o src/f1.second.o
}

test_all_hits_after_a_restart() {
	prepare
	build first
	restart_daemon
	ccache -z >/dev/null
	build second
	expect_all_hits 6
}

test_two_builds_at_once() {
	prepare
	build a &
	local one=$!
	build b
	wait "$one"
	ccache -z >/dev/null
	build c &
	one=$!
	build d
	wait "$one"
	expect_all_hits 12
}

run_tests
