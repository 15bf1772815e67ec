#!/bin/bash
# ccache cleans up a cache on the mount that is too large.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"
. "$(dirname "$0")/ccache.sh"

# Files big enough that twelve of them are over the limit.
make_large_sources() {
	local i
	mkdir -p src
	for i in 1 2 3 4 5 6; do
		{
			echo "const unsigned char data$i[] = {"
			head -c 20000 /dev/urandom | od -An -v -tu1 | sed 's/  */,/g; 1s/^,//'
			echo "};"
		} >"src/f$i.c"
	done
}

ccache_kib() {
	ccache --print-stats | awk '$1 == "cache_size_kibibyte" { print $2 }'
}

test_two_at_once_clean_up_a_small_cache() {
	prepare
	rm -rf src
	make_large_sources
	ccache -M 100K >/dev/null
	export CCACHE_NOCOMPRESS=1
	build a &
	local one=$!
	build b
	wait "$one"
	make_large_sources
	build c &
	one=$!
	build d
	wait "$one"
	ccache --cleanup >/dev/null
	[[ $(ccache_kib) -le 100 ]] || fail "$(ccache_kib) KiB are left of 100"
	[[ $(ccache_number cleanups_performed) -gt 0 ]] || fail "no cleanup happened"
	build e
	cmp src/f1.d.o src/f1.e.o
	restart_daemon
	build f
	cmp src/f6.e.o src/f6.f.o
}

test_ccache_cleanup_and_clear_lead_to_misses() {
	prepare
	build first
	ccache -C >/dev/null
	expect files 0 "$(ccache_number files_in_cache)"
	ccache -z >/dev/null
	build second
	expect misses 6 "$(ccache_number cache_miss)"
}

run_tests
