#!/bin/bash
# A database with a damaged byte, or cut off, anywhere: the mount comes up, a get is the right value
# or a miss, nothing hangs, nothing ends. (unit/test_disk_damage tries many more places.)
. "$(dirname "$0")/../lib.sh"

PLACES=${LONG:+300}
PLACES=${PLACES:-12}
TEST_SECONDS=$((120 + PLACES * 3))
KEYS="small text dir/in/depth page inline file many/entry-number-7 many/entry-number-39"

make_database() {
	local i
	mkdir -p values/many
	printf 'tiny' >values/small
	printf '{"text": "answer"}' >values/text
	random_file values/page 3000
	random_file values/inline 60000
	random_file values/file 200000
	mkdir -p values/dir/in
	printf 'deep' >values/dir/in/depth
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 100}}'
	for i in {1..40}; do
		echo "value $i" >"values/many/entry-number-$i"
	done
	mkdir "$MNT/marker"
	cp -r values/. "$MNT"
	set_ttl text 100000
	unmount
	[[ ! -s db.sqlite-wal ]] || fail "the log was not written back"
	cp db.sqlite good.sqlite
}

# Every get is right or fails, by its name and as a listing leads there.
read_all() {
	rm -rf got
	mkdir got got/named got/listed
	(cd "$MNT" && timeout 20 cp --parents $KEYS "$TMP/got/named") 2>error || [[ $? != 124 ]] || fail "$1: a get hangs"
	timeout 20 cp -r "$MNT/." got/listed 2>>error || [[ $? != 124 ]] || fail "$1: a listing hangs"
	! grep -v 'No such file\|Input/output' error || fail "$1: $(grep -v 'No such file\|Input/output' error)"
	! diff -rq got/named values | grep differ || fail "$1: wrong bytes"
	! diff -rq got/listed values | grep differ || fail "$1: wrong bytes"
}

# A set is kept or refused.
set_one() {
	if timeout 20 cp values/page "$MNT/new" 2>/dev/null; then
		cmp values/page "$MNT/new" || fail "$1: a set was acknowledged and lost"
	fi
}

try() {
	: >"$LOG"
	rm -f db.sqlite-wal db.sqlite-shm
	cp db.sqlite before
	start_daemon "$TMP/cachefs.json"
	local down=
	grep -q -m 1 ' down ' "$LOG" && down=1
	read_all "$1"
	set_one "$1"
	unmount
	log_findings && fail "$1: $(log_findings)"
	if [[ $down ]]; then
		cmp before db.sqlite >/dev/null || fail "$1: a damaged file was written to"
		((++DOWN))
	fi
}

flip() {
	printf "\\x$(printf %02x $((0x$(xxd -s "$1" -l 1 -p db.sqlite) ^ $2)))" |
		dd of=db.sqlite bs=1 seek="$1" conv=notrunc status=none
}

test_a_flipped_byte_anywhere_is_never_a_wrong_value() {
	make_database
	local size i at DOWN=0
	size=$(stat -c %s good.sqlite)
	for ((i = 0; i < PLACES; i++)); do
		cp good.sqlite db.sqlite
		at=$((i < PLACES / 4 ? i * 5 : (i - PLACES / 4) * size / (PLACES - PLACES / 4) + i * 7919 % 97))
		((at < size)) || at=$((size - 1))
		flip "$at" $((1 << i % 8 | i * 31 % 256))
		try "byte $at flipped"
	done
	((DOWN > 0)) || fail "no damage was noticed"
}

# Keys whose bytes sort elsewhere now: what follows a directory may come before it. (No set: SQLite
# would put it where it does not look for it afterwards.)
test_a_listing_of_a_disordered_index_ends() {
	make_database
	local i at tried=0 DOWN=0
	for i in 5 7 8 9 28 37 38 40 {1..40}; do # where it shows depends on the pages that a key fell into
		((tried++ < 8 || DOWN == 0)) || break
		cp good.sqlite db.sqlite
		for at in $(grep -abo "many/entry-number-$i[^0-9]" good.sqlite | cut -d: -f1); do
			flip "$at" 0x92 # m becomes 0xff
		done
		: >"$LOG"
		start_daemon "$TMP/cachefs.json"
		read_all "key $i displaced"
		unmount
		rm -f db.sqlite-wal db.sqlite-shm
		! grep -q -m 1 ' down .*damaged' "$LOG" || ((++DOWN))
	done
	((DOWN > 0)) || fail "no damage was noticed"
}

run_tests
