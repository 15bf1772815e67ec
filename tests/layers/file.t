#!/bin/bash
. "$(dirname "$0")/../lib.sh"

mount_files() {
	mount_with '{"type": "file", "options": {"directory": "files"'"${1:+, $1}"'}}'
}

# python_set KEY PAYLOAD EXPIRES: as the package writes it (payload and expiry in Python)
python_set() {
	python3 - files "$@" <<'END'
import json, os, sys
directory, key, payload, expires = sys.argv[1:5]
name = key.replace("/", "_").replace("\\", "_") + ".json"
with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
    json.dump({"payload": eval(payload), "expires_at": eval(expires)}, f, indent=2)
END
}

# python_get KEY: prints the payload as one line of JSON
python_get() {
	python3 - files "$1" <<'END'
import json, os, sys, time
directory, key = sys.argv[1:3]
name = key.replace("/", "_").replace("\\", "_") + ".json"
with open(os.path.join(directory, name), encoding="utf-8") as f:
    entry = json.load(f)
if entry["expires_at"] is not None and entry["expires_at"] <= time.time():
    sys.exit("expired")
print(json.dumps(entry["payload"]))
END
}

lists() {
	[[ $(ls -A "$MNT/$1" | paste -sd' ') = "$2" ]]
}

test_an_entry_is_one_readable_file_in_the_packages_shape() {
	mount_files
	echo '{"text": "hi", "cost": 0.10}' >"$MNT/answer"
	expect "for Python" '{"text": "hi", "cost": 0.1}' "$(python_get answer)"
	grep -qF '"payload": {"text": "hi", "cost": 0.10}' files/answer.json
	expect "key" answer "$(jq -r .key files/answer.json)"
	expect "expiry" null "$(jq .expires_at files/answer.json)"
	set_ttl answer 100
	jq -e '.expires_at > now + 90 and .expires_at < now + 110' files/answer.json >/dev/null
}

test_values_come_back_byte_for_byte_after_a_restart() {
	mount_files
	printf ' {"a": 0.10, "b": "\\u0000", "c": [1e2,{}]} \n\n' >one
	printf 'just text with "quotes", \\ and \ttabs\n' >two
	printf '\377\376\000binary' >three
	: >four
	printf '{"a": 1' >five
	head -c 3000000 /dev/urandom >six
	printf '"\\ud83d\\ude00 \xf0\x9f\x98\x80"' >seven
	local f
	for f in one two three four five six seven; do
		cp "$f" "$MNT/$f"
	done
	for f in one two three four five six seven; do
		cmp "$f" "$MNT/$f"
	done
	restart_daemon
	for f in one two three four five six seven; do
		cmp "$f" "$MNT/$f"
		jq . "files/$f.json" >/dev/null || fail "$f.json is not JSON"
	done
	expect encodings "json text base64 text text base64 json" "$(cd files && jq -r .encoding \
		one.json two.json three.json four.json five.json six.json seven.json | paste -sd' ')"
}

test_what_python_stored_is_served() {
	mkdir files
	python_set answer '{"text": "hi", "n": 0.5}' None
	mount_files
	expect_value answer $'{\n    "text": "hi",\n    "n": 0.5\n  }'
	expect "JSON" hi "$(jq -r .text "$MNT/answer")"
	expect_list "" answer
	python_set text '"just text"' None
	expect_value text '"just text"'
	wait_until 10 lists "" "answer text"
}

test_what_python_changes_is_seen_by_the_next_open() {
	mount_files
	set_value k '{"old": 1}'
	expect_value k '{"old": 1}'
	python_set k '[1, 2]' None
	expect "new" '[1,2]' "$(jq -c . "$MNT/k")"
	python_set k '[3]' 1000.5
	expect_miss k
	python_set k '[4]' None
	expect "once more" '[4]' "$(jq -c . "$MNT/k")"
	rm files/k.json
	expect_miss k
}

# in_place KEY TEXT: of the same size, in the same file, and with the same time as before
in_place() {
	python3 - "files/$1.json" "$2" <<'END'
import os, sys, time
path, payload = sys.argv[1:3]
stamp = os.stat(path).st_mtime_ns if os.path.exists(path) else time.time_ns() + 55 * 10**9
with open(path, "w") as f:
    f.write('{"payload": "%s", "expires_at": null}' % payload)
os.utime(path, ns=(stamp, stamp))
END
}

test_a_change_that_looks_like_the_one_before_is_seen() {
	mount_files
	in_place k one
	expect_value k '"one"'
	expect_value k '"one"'
	in_place k two
	expect_value k '"two"'
	in_place k six
	expect_value k '"six"'
	unmount
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}]}'
	expect_value k '"six"'
	in_place k ten
	expect_value k '"ten"'
}

test_what_is_set_here_python_gets() {
	mount_files
	python_set answers/6x7 '{"n": 1}' None
	echo '{"n": 2}' >"$MNT/other"
	mkdir "$MNT/answers"
	echo '{"n": 3}' >"$MNT/answers/new"
	expect "Python" '{"n": 3}' "$(python_get answers/new)"
	set_ttl answers/new 0.2
	ttl_passes 0.4
	! python_get answers/new 2>/dev/null
}

test_keys_whose_names_would_be_one_do_not_collide() {
	mount_files
	mkdir "$MNT/a"
	set_value a/b slash
	set_value a_b underscore
	set_value 'a\b' backslash
	local round
	for round in 1 2; do
		expect_value a/b slash
		expect_value a_b underscore
		expect_value 'a\b' backslash
		restart_daemon
	done
	rm "$MNT/a/b"
	expect_absent a/b
	expect_value a_b underscore
	set_value a/b again
	expect_value a/b again
	expect_value 'a\b' backslash
}

test_no_older_file_of_a_key_comes_to_light() {
	mount_files
	mkdir "$MNT/a"
	set_value a/b slash
	set_value a_b old
	rm "$MNT/a/b"
	python_set a_b 1 None
	expect_value a_b 1
	rm "$MNT/a_b"
	restart_daemon
	expect_absent a_b
	set_value a/b slash
	set_value a_b old
	rm "$MNT/a/b"
	python_set a_b 1 None
	expect_value a_b 1
	mv "$MNT/a_b" "$MNT/c"
	restart_daemon
	expect_list "" "a c"
	expect_value c 1
}

test_long_and_odd_keys_have_names() {
	mount_files
	local long
	long=$(printf 'k%.0s' {1..250})
	mkdir -p "$MNT/$long/$long"
	set_value "$long/$long/$long" deep
	set_value $'new\nline' newline
	printf odd >"$MNT/"$'\xff\xfe'
	set_value .hidden hidden
	restart_daemon
	expect_value "$long/$long/$long" deep
	expect_value $'new\nline' newline
	expect_value $'\xff\xfe' odd
	expect_value .hidden hidden
}

test_metadata_survives() {
	mount_files
	set_value k value
	chmod 640 "$MNT/k"
	touch -d '2103-04-05 06:07:08.123456789 UTC' "$MNT/k"
	setfattr -n user.colour -v "dark red" "$MNT/k"
	ln -s k "$MNT/link"
	mkdir "$MNT/d"
	chmod 700 "$MNT/d"
	local before
	before=$(stat -c '%a %u %g %i %.9Y %s' "$MNT/k")
	restart_daemon
	expect metadata "$before" "$(stat -c '%a %u %g %i %.9Y %s' "$MNT/k")"
	expect attribute "dark red" "$(get_xattr k user.colour)"
	expect link k "$(readlink "$MNT/link")"
	expect "mode of d" 700 "$(stat -c %a "$MNT/d")"
	expect_list d ""
}

test_the_oldest_is_evicted_also_after_a_restart() {
	mount_files '"max_files": 3'
	local i
	for i in 1 2 3 4; do
		set_value "$i" x
	done
	expect_list "" "2 3 4"
	cat "$MNT/2" >/dev/null
	chmod 600 "$MNT/2"
	restart_daemon
	set_value 5 x
	expect_list "" "3 4 5"
	set_value 3 again
	set_value 6 x
	expect_list "" "3 5 6"
	expect files 3 "$(ls files | wc -l)"
}

test_what_is_no_set_keeps_the_turn_to_be_evicted() {
	mount_files '"max_files": 4'
	local i
	for i in 1 2 3 4; do
		set_value "$i" x
	done
	chmod 600 "$MNT/1"
	mv "$MNT/2" "$MNT/two"
	touch -d @1000000000 "$MNT/3"
	set_value 5 x
	expect_list "" "3 4 5 two"
	set_value 6 x
	expect_list "" "3 4 5 6"
	set_value 7 x
	expect_list "" "4 5 6 7"
	mv "$MNT/7" "$MNT/4"
	set_value 8 x
	set_value 9 x
	expect_list "" "4 6 8 9"
}

test_max_files_holds_for_what_was_added_before_the_start() {
	python3 "$ROOT/tests/helpers/package.py" files files many k 20 >/dev/null
	mount_files '"max_files": 4'
	wait_until 20 files_are 4
	unmount
	python3 "$ROOT/tests/helpers/package.py" files files many j 20 >/dev/null
	start_daemon "$TMP/cachefs.json"
	wait_until 20 files_are 4
	expect "entries" 4 "$(layer_stat file entries)"
}

files_are() {
	[[ $(ls files/*.json | wc -l) = "$1" ]]
}

test_touch_makes_a_file_the_newest_also_after_a_restart() {
	mount_files '"max_files": 3'
	local i
	for i in 1 2 3; do
		set_value "$i" x
	done
	touch "$MNT/1"
	set_value 4 x
	expect_list "" "1 3 4"
	touch "$MNT/3"
	restart_daemon
	set_value 5 x
	expect_list "" "3 4 5"
}

has_files() {
	[[ $(ls files | wc -l) = "$1" ]]
}

test_the_limit_holds_for_files_that_another_program_adds() {
	mount_files '"max_files": 3'
	set_value a x
	set_value b x
	python3 "$ROOT/tests/helpers/package.py" files files many p 5 >/dev/null
	wait_until 20 has_files 3
	expect_list "" "p2 p3 p4"
	python3 "$ROOT/tests/helpers/package.py" files files set q '{"a": 1}' >/dev/null
	wait_until 20 has_files 3
	expect_list "" "p3 p4 q"
	expect evictions 5 "$(jq '.layers[] | select(.type == "file") | .evictions' "$MNT/.cachefs/stats.json")"
}

test_hits_and_the_time_of_the_last_survive_without_a_write_per_get() {
	mount_files
	set_value k value
	set_value l value
	local before i hits atime
	before=$(stat -c '%i %Y %s' files/k.json)
	for i in 1 2 3; do
		cat "$MNT/k" >/dev/null
	done
	expect "the file" "$before" "$(stat -c '%i %Y %s' files/k.json)"
	hits=$(get_xattr k user.cachefs.hits)
	((hits >= 3)) || fail "$hits hits after 3 gets"
	restart_daemon
	expect hits "$hits" "$(get_xattr k user.cachefs.hits)"
	atime=$(stat -c %.3X "$MNT/k")
	[[ $atime > $(stat -c %.3Y "$MNT/k") ]] || fail "access time $atime"
	restart_daemon
	expect "access time" "$atime" "$(stat -c %.3X "$MNT/k")"
	cat "$MNT/k" >/dev/null
	restart_daemon
	expect hits $((hits + 1)) "$(get_xattr k user.cachefs.hits)"
	set_value k new
	expect hits 0 "$(get_xattr k user.cachefs.hits)"
	restart_daemon
	expect hits 0 "$(get_xattr k user.cachefs.hits)"
}

has_moved_some() {
	[[ $(find files -name 'to_*.json' | wc -l) -gt "$1" ]]
}

test_a_directory_whose_rename_was_cut_off_is_renamed_whole() {
	mount_files
	mkdir "$MNT/from" "$MNT/from/sub"
	python3 - "$MNT" <<'END'
import sys
for i in range(500):
    with open("%s/from/%s%04d" % (sys.argv[1], "sub/" if i % 2 else "", i), "w") as f:
        f.write("value %d" % i)
END
	set_value other x
	set_value tool y
	local cut=0 round from=from to=to
	for round in 1 2; do
		rename_and_kill "$from" "$to"
		expect_list "" "other $to tool"
		expect "keys" 500 "$(find "$MNT/$to" -type f | wc -l)"
		expect_value "$to/0000" "value 0"
		expect_value "$to/sub/0499" "value 499"
		expect "notes left" 0 "$(find files -name '.cachefs-rename' | wc -l)"
		mv "$MNT/$to" "$MNT/$from"
	done
	((cut > 0)) || fail "no rename was cut off"
	expect "files" 502 "$(ls files | wc -l)"
}

# rename_and_kill FROM TO: kill -9 once some keys have moved; counts in $cut that not all had.
rename_and_kill() {
	mv "$MNT/$1" "$MNT/$2" 2>/dev/null &
	local mover=$!
	wait_until 60 has_moved_some $((round * 30))
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	wait "$mover" || true
	[[ $(find files -name "$1_*.json" | wc -l) = 0 ]] || ((++cut))
	fusermount3 -u -z "$MNT"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

# cut_off_rename FROM TO: as a kill -9 in the middle of it leaves the files, the new one beside the old.
cut_off_rename() {
	ln "files/$1.json" old
	mv "$MNT/$1" "$MNT/$2"
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	fusermount3 -u -z "$MNT"
	mv old "files/$1.json"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

test_a_rename_that_was_cut_off_leaves_one_key() {
	mount_files
	set_value b value
	set_value over x
	python_set python '{"n": 1}' None
	cut_off_rename b over
	expect_list "" "over python"
	expect_value over value
	cut_off_rename over b
	expect_list "" "b python"
	cut_off_rename b a
	expect_list "" "a python"
	expect_value a value
	mv "$MNT/python" "$MNT/was python's"
	cut_off_rename "was python's" $'odd\xff'
	expect_list "" $'a odd\xff'
	expect files 2 "$(ls files | wc -l)"
	# what has the old name now is no leftover, nor is the new one when it is rewritten
	set_value b value
	restart_daemon
	mv "$MNT/a" "$MNT/c"
	set_value c again
	python_set a '{"n": 1}' None
	restart_daemon
	expect_list "" $'a b c odd\xff'
	expect_value b value
	expect_value c again
}

test_what_has_expired_is_gone_where_nothing_can_be_removed() {
	small_disk 8
	mount_with '{"type": "file", "options": {"directory": "store/files"}}'
	mkdir "$MNT/d"
	set_value k value
	set_value d/k value
	set_ttl d/k 0.5
	mount -o remount,ro store
	wait_until 10 is_gone d/k
	expect_list d ""
	expect_list "" "d k"
	expect_value k value
	test -e store/files/d_k.json
	mount -o remount,rw store
	set_value d/k again
	expect_list d k
}

test_a_directory_that_was_removed_is_made_anew() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}]}'
	set_value k value
	rm -r files
	set_value new value
	expect_miss k
	expect_list "" new
	expect bytes "$(cat files/*.json | wc -c)" "$(layer_stat file bytes)"
	rm -r files
	mkdir files
	python_set python 1 None
	expect_value python 1
	python_set python 2 None
	expect_value python 2
	restart_daemon
	expect_list "" python
}

test_a_damaged_file_is_a_miss_and_stays_until_its_key_is_set() {
	mount_files
	set_value k value
	set_value other value
	set_value cut '{"n": 12345678}'
	restart_daemon
	sed -i 's/"payload": "value"/"payload": "val/' files/k.json
	expect_miss k
	grep -q 'k.json: not an entry, or damaged' "$LOG"
	truncate -s -8 files/cut.json
	expect_miss cut
	echo 'not JSON' >files/broken.json
	expect_miss broken
	restart_daemon
	expect_value other value
	expect_miss broken
	expect "the file" 'not JSON' "$(<files/broken.json)"
	set_value broken new
	expect_value broken new
	set_value k new
	expect_value k new
}

# edit KEY FILTER: what a person does with an entry's file
edit() {
	jq "$2" "files/$1.json" >edited
	mv edited "files/$1.json"
}

edits_by_hand_are_served() {
	set_value k '{"n": 1}'
	set_value text words
	set_value untouched '{"n":   1}'
	chmod 640 "$MNT/k" "$MNT/text" "$MNT/untouched"
	setfattr -n user.colour -v red "$MNT/k"
	restart_daemon
	expect_value k '{"n": 1}'
	edit k '.payload.n = 2'
	edit text '.payload = "other words"'
	touch files/untouched.json
	local round
	for round in 1 2; do
		expect "k" 2 "$(jq .n "$MNT/k")"
		expect_value text "other words"
		expect "mode" "640 640 640" "$(stat -c %a "$MNT/k" "$MNT/text" "$MNT/untouched" | paste -sd' ')"
		expect "version" 0 "$(get_xattr k user.cachefs.version)"
		expect "attribute" "" "$(get_xattr k user.colour)"
		expect "size" "$(cat "$MNT/text" | wc -c)" "$(stat -c %s "$MNT/text")"
		restart_daemon
	done
	edit text '.payload = {"a": [1]}'
	expect "object" 1 "$(jq '.a[0]' "$MNT/text")"
	edit text '.expires_at = 1'
	expect_absent text
	set_value k '"set"'
	expect_value k '"set"'
	expect "version" 1 "$(get_xattr k user.cachefs.version)"
}

test_what_is_edited_by_hand_is_served_with_fresh_metadata() {
	mount_files
	edits_by_hand_are_served
}

test_what_is_edited_by_hand_below_memory_is_served_with_fresh_metadata() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "revalidate_ms": 0, "options": {"directory": "files"}}],
		"cachefs": {"attr_timeout": 0, "entry_timeout": 0}}'
	edits_by_hand_are_served
}

test_what_cannot_be_got_is_not_listed() {
	mount_files
	set_value k value
	set_value cut value
	set_value cut-later value
	restart_daemon
	truncate -s -3 files/cut.json
	echo '{"payload": ' >files/half.json
	wait_until 10 lists "" "cut-later k"
	restart_daemon
	expect_list "" "cut-later k"
	truncate -s -3 files/cut-later.json
	expect_miss cut-later
	expect_absent cut-later
	expect_absent cut
	expect_absent half
	set_value cut again
	expect_value cut again
	expect_list "" "cut k"
}

test_kill_leaves_no_temporary_files() {
	mount_files
	(while echo x >"$MNT/k"; do :; done) 2>/dev/null &
	local writer=$!
	wait_until 10 test -e "$MNT/k"
	touch files/.cachefs-tmp-1-1
	kill_daemon
	kill "$writer" 2>/dev/null || true
	wait "$writer" 2>/dev/null || true
	wait_until 10 no_temporary_files
	ls "$MNT" >/dev/null
}

no_temporary_files() {
	[[ $(find files -name '.cachefs-tmp*' | wc -l) = 0 ]]
}

test_options() {
	mkdir other
	mount_with '{"type": "file", "options": {"directory": "other", "file_extension": ".txt", "ensure_directory": false}}'
	set_value k value
	test -f other/k.txt
	unmount
	printf '{"type": "file", "options": {"directory": "absent", "ensure_directory": false}}' >c.json
	expect_error "does not exist" timeout 20 "$CACHEFS" -f c.json "$MNT"
}

test_memory_over_files() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}]}'
	set_value k value
	expect layers memory,file "$(get_xattr k user.cachefs.layers)"
	restart_daemon
	expect_value k value
	mkdir "$MNT/d"
	set_value d/a 1
	mv "$MNT/d" "$MNT/e"
	expect_value e/a 1
	rmdir "$MNT/e"
	expect_list "" k
	restart_daemon
	expect_list "" k
}

run_tests
