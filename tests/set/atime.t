#!/bin/bash
# The access time of an entry is the last get, as far as a layer knows, or what was set.
. "$(dirname "$0")/../lib.sh"

# atime: the last get, as far as a layer knows; nothing is written for it.
test_atime_is_the_last_hit() {
	mount_stack '"attr_timeout": 0'
	set_value k x
	python3 -c 'import os, sys; os.utime(sys.argv[1], (1, 981173106))' "$MNT/k" # touch opens it
	expect "as it was set" 1 "$(stat -c %X "$MNT/k")"
	local start
	start=$(date +%s)
	expect_value k x
	(($(stat -c %X "$MNT/k") >= start)) || fail "atime $(stat -c %X "$MNT/k") after a get at $start"
	local atime
	atime=$(stat -c %X "$MNT/k")
	ls -l "$MNT" >/dev/null
	expect "not moved by a look" "$atime" "$(stat -c %X "$MNT/k")"
	expect "mtime" 981173106 "$(TZ=UTC stat -c %Y "$MNT/k")"
	expect_value k x
	restart_daemon
	(($(stat -c %X "$MNT/k") >= start)) || fail "forgotten by a restart: $(stat -c %X "$MNT/k")"
}

# Neither does what opens a key to change it: touch(1), chmod, >>, a write in place.
test_a_change_is_no_hit() {
	mount_stack
	set_value k x
	local before
	before=$(jq -c '[.hits, .layers[].hits]' "$MNT/.cachefs/stats.json")
	touch "$MNT/k"
	touch -d @5 "$MNT/k"
	chmod 600 "$MNT/k"
	printf y >>"$MNT/k"
	printf z | dd of="$MNT/k" conv=notrunc status=none
	truncate -s 1 "$MNT/k"
	mv "$MNT/k" "$MNT/k.tmp"
	mv "$MNT/k.tmp" "$MNT/k"
	expect "hits of the layers" "$before" "$(jq -c '[.hits, .layers[].hits]' "$MNT/.cachefs/stats.json")"
	expect "hits of the key" 0 "$(get_xattr k user.cachefs.hits)"
	expect_value k z
	expect "hits of the key" 1 "$(get_xattr k user.cachefs.hits)"
}

# Sets the times (atime mtime in seconds, or "now") without opening the file.
set_times() {
	python3 -ES -c 'import os, sys
os.utime(sys.argv[1], None if sys.argv[2] == "now" else tuple(map(int, sys.argv[2:])))' "$MNT/$1" "${@:2}"
}

access_times() {
	local durable=$1 keeps_hits=$2 start
	set_value k x
	expect "never read nor set" "$(stat -c %.9Y "$MNT/k")" "$(stat -c %.9X "$MNT/k")"
	expect_value k x
	set_times k 981173106 981173107
	expect "set after a get" "981173106 981173107" "$(stat -c '%X %Y' "$MNT/k")"
	touch -c -m -d @5 "$MNT/k"
	expect "mtime alone" "981173106 5" "$(stat -c '%X %Y' "$MNT/k")"
	touch -c -a -d @2000000000.123456789 "$MNT/k"
	expect "atime alone" "2000000000.123456789 5" "$(stat -c '%.9X %Y' "$MNT/k")"
	if getfattr --absolute-names -m - -d "$MNT/k" | grep atime; then
		fail "the attribute shows"
	fi
	setfattr -n user.own -v x "$MNT/k"
	mv "$MNT/k" "$MNT/l"
	expect "renamed" 2000000000.123456789 "$(stat -c %.9X "$MNT/l")"
	echo 2 >/proc/sys/vm/drop_caches
	expect "forgotten by the kernel" 2000000000.123456789 "$(stat -c %.9X "$MNT/l")"
	if [[ $durable ]]; then
		restart_daemon
		expect "after a restart" 2000000000.123456789 "$(stat -c %.9X "$MNT/l")"
	fi
	start=$(date +%s)
	if [[ $keeps_hits ]]; then
		expect_value l x
		(($(stat -c %X "$MNT/l") >= start && $(stat -c %X "$MNT/l") < 1900000000)) ||
			fail "atime $(stat -c %X "$MNT/l") after a get at $start"
	fi
	set_times l now
	expect "now" "$(stat -c %.9Y "$MNT/l")" "$(stat -c %.9X "$MNT/l")"
	mkdir "$MNT/d"
	set_times d 3 4
	expect "of a directory" "3 4" "$(stat -c '%X %Y' "$MNT/d")"
}

# Each layer by itself: it keeps what utimens says, and the last hit where it keeps hits.
test_atime_is_what_was_set_or_the_last_hit_in_each_layer() {
	local layer no_timeout='"cachefs": {"attr_timeout": 0}'
	start_redis
	for layer in memory lfu ttl; do
		mount_with '{"layers": [{"type": "'"$layer"'"}], '"$no_timeout"'}'
		access_times "" hits
		unmount
	done
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], '"$no_timeout"'}'
	access_times durable hits
	unmount
	mount_with '{"layers": [{"type": "file", "options": {"directory": "files"}}], '"$no_timeout"'}'
	access_times durable hits
	unmount
	mount_redis "" '"attr_timeout": 0'
	access_times durable ""
}

run_tests
