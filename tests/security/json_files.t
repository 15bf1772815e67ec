#!/bin/bash
# Files of a file layer with metadata that another program made up.
. "$(dirname "$0")/../lib.sh"

mount_files() {
	mount_with '{"layers": [{"type": "file", "revalidate_ms": 0, "options": {"directory": "store"}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
}

# damage NAME FROM TO: in the metadata of an entry that was set
damage() {
	set_value "$1" old
	grep -q "$2" "store/$1.json" || fail "no $2 in $1"
	sed "s/$2/$3/" "store/$1.json" >edited
	cp edited "store/$1.json.new" && mv "store/$1.json.new" "store/$1.json"
}

expect_mended() {
	set_value "$1" new
	expect_value "$1" new
	rm "$MNT/$1"
	expect_absent "$1"
	expect "files" "" "$(ls store)"
}

test_an_entry_of_another_type_is_a_miss_that_the_next_set_or_rm_mends() {
	mount_files
	local mode
	for mode in 40755 10644 20644 60644 140644 37777777777; do
		damage k '"mode": "[0-7]*"' "\"mode\": \"$mode\""
		expect_miss k
		expect "type" "regular file" "$(stat -c %F "$MNT/k")"
		ls -l "$MNT" >/dev/null
		grep -q "damaged metadata of \"k\"" "$LOG" || fail "nothing is said of $mode"
		expect_mended k
		damage k '"mode": "[0-7]*"' "\"mode\": \"$mode\""
		rm "$MNT/k"
		expect "files" "" "$(ls store)"
	done
	kill -0 "$DAEMON_PID"
}

test_numbers_that_nothing_can_have_are_a_miss() {
	mount_files
	local from to
	while read -r from to; do
		damage k "$from" "$to"
		expect_miss k
		expect_mended k
	done <<-END
		"size":.[0-9]* "size":-1
		"uid":.[0-9]* "uid":4294967295
		"gid":.[0-9]* "gid":4294967296
		"version":.[0-9]* "version":18446744073709551615
		"hits":.[0-9]* "hits":18446744073709551000
	END
	kill -0 "$DAEMON_PID"
}

test_a_list_of_directories_that_cannot_be_is_no_end() {
	mount_files
	mkdir "$MNT/d"
	unmount
	cp store/.cachefs-directories good
	local key
	for key in '"d"' '"\/"' '"\/\/"' '"d\/\/e"' '"'"$(printf 'x%.0s' {1..5000})"'\/"' '"a\\u0000\/"'; do
		sed "s/\"key\": \"d\/\"/\"key\": $key/" good >store/.cachefs-directories
		start_daemon "${DAEMON_ARGUMENTS[@]}"
		ls -lR "$MNT" >/dev/null
		set_value k v
		expect_value k v
		unmount
	done
	sed 's/"mode": "[0-7]*"/"mode": "120777"/' good >store/.cachefs-directories
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect d "directory 700" "$(stat -c '%F %a' "$MNT/d")"
	rmdir "$MNT/d"
}

test_a_rename_into_itself_is_not_gone_on_with() {
	mount_files
	mkdir "$MNT/a"
	set_value a/k v
	unmount
	local one='{\n  "key": "KEY",\n  "encoding": "json",\n  "expires_at": null,\n  "meta": {},\n  "payload": null\n}\n'
	printf "[\n${one/KEY/a\/},\n${one/KEY/a\/b\/}]\n" >store/.cachefs-rename
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value a/k v
	mv "$MNT/a" "$MNT/c"
	expect_value c/k v
}

run_tests
