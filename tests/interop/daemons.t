#!/bin/bash
# Two daemons, memory over a store that both share: each sees what the other did.
. "$(dirname "$0")/../lib.sh"

# two_mounts LAYER: $MNT and $OTHER
two_mounts() {
	local json='{"layers": [{"type": "memory"}, '"$1"'], "cachefs": {"attr_timeout": 0, "entry_timeout": 0}}'
	mount_with "$json"
	OTHER=$TMP/other
	mkdir "$OTHER"
	"$CACHEFS" -f "$TMP/cachefs.json" "$OTHER" </dev/null >>"$LOG" 2>&1 &
	at_end "fusermount3 -u -q '$OTHER' || fusermount3 -u -z -q '$OTHER'"
	wait_until 20 is_mounted "$OTHER"
}

each_sees_the_other() {
	local i
	mkdir "$MNT/d"
	for i in 1 2 3; do
		set_value d/k "here $i"
		expect "there" "here $i" "$(cat "$OTHER/d/k")"
		expect "there from memory" "here $i" "$(cat "$OTHER/d/k")"
		expect_value d/k "here $i"
		printf 'there %s' "$i" >"$OTHER/d/k"
		expect_value d/k "there $i"
		expect_value d/k "there $i"
	done
	rm "$OTHER/d/k"
	expect_absent d/k
	set_value d/a 1
	set_value d/b 2
	cat "$OTHER/d/a" "$OTHER/d/b" >/dev/null
	mv "$MNT/d/a" "$MNT/d/c"
	expect "there" "b c" "$(ls "$OTHER/d" | paste -sd' ')"
	[[ ! -e $OTHER/d/a ]] || fail "a is still there"
	expect "there" 1 "$(cat "$OTHER/d/c")"
	chmod 600 "$OTHER/d/c"
	expect "mode" 600 "$(stat -c %a "$MNT/d/c")"
	rmdir "$OTHER/d"
	expect_miss d/b
	expect_miss d/c
}

test_two_daemons_at_one_database() {
	two_mounts '{"type": "disk", "options": {"path": "db.sqlite"}}'
	each_sees_the_other
}

test_two_daemons_at_one_directory_of_files() {
	two_mounts '{"type": "file", "options": {"directory": "files"}}'
	each_sees_the_other
}

test_directories_that_two_daemons_make_in_one_directory_of_files_stay() {
	two_mounts '{"type": "file", "options": {"directory": "files"}}'
	mkdir "$MNT/here" "$MNT/both"
	mkdir "$OTHER/there"
	expect "there" "both here there" "$(ls "$OTHER" | paste -sd' ')"
	expect_list "" "both here there"
	rmdir "$OTHER/both"
	mv "$MNT/there" "$MNT/moved"
	unmount
	expect "there" "here moved" "$(ls "$OTHER" | paste -sd' ')"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_list "" "here moved"
}

test_two_daemons_that_both_write_agree_in_the_end() {
	two_mounts '{"type": "disk", "options": {"path": "db.sqlite"}}'
	local i key
	(for i in $(seq 150); do
		printf 'other %s' "$i" >"$OTHER/k$((i % 3))"
		cat "$OTHER"/k* >/dev/null 2>&1 || true
	done) &
	local writer=$!
	for i in $(seq 150); do
		set_value "k$((i % 3))" "mine $i"
		cat "$MNT"/k* >/dev/null 2>&1 || true
	done
	wait "$writer"
	for key in k0 k1 k2; do
		expect "both have the same $key" "$(cat "$MNT/$key")" "$(cat "$OTHER/$key")"
		expect "the database has $key" "$(cat "$MNT/$key")" \
			"$(sqlite3 db.sqlite "SELECT payload FROM cache WHERE cache_key = '$key'")"
	done
}

run_tests
