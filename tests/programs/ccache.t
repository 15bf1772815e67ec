#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# ccache with its cache directory on the mount.

make_sources() {
	local i
	mkdir -p src
	for i in 1 2 3 4 5 6; do
		printf '#include <stdio.h>\nint f%d(void);\nint f%d(void)\n{\n\treturn printf("%%d", %d);\n}\n' \
			"$i" "$i" "$i" >"src/f$i.c"
	done
}

build() {
	local f
	for f in src/*.c; do
		ccache gcc -O1 -c "$f" -o "${f%.c}.$1.o"
	done
}

ccache_number() {
	ccache --print-stats | awk -v name="$1" '$1 == name { print $2 }'
}

prepare() {
	type ccache >/dev/null 2>&1 || skip "no ccache"
	mount_stack '"rmdir": "empty_only"'
	export CCACHE_DIR=$MNT/ccache CCACHE_CONFIGPATH=$TMP/ccache.conf
	make_sources
}

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
