#!/bin/bash
# An entry of the file layer is one readable file in the shape of the Python package.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

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
