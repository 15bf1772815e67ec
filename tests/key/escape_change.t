#!/bin/bash
# Keys that no path can spell can be overwritten, renamed and given metadata.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/escape.sh"

test_a_foreign_key_can_be_overwritten() {
	mount_over "$odd"
	local name
	for name in 'a/%{self}' 'a/%{}' 'd/%{2E}' 'd/%{410042}' 'd/%{2E2E}/k' '%{2F61}'; do
		set_value "$name" "new $name"
		expect_value "$name" "new $name"
		printf ' more' >>"$MNT/$name"
		expect_value "$name" "new $name more"
	done
	name=$(cd "$MNT" && echo d/*6C*)
	set_value "$name/%{self}" new
	expect_value "$name/%{self}" new
	expect "value of a" "new a/%{self} more" "$(sqlite3 db.sqlite "SELECT payload FROM cache WHERE cache_key = 'a'")"
	expect "value of d/." "new d/%{2E} more" "$(sqlite3 db.sqlite "SELECT payload FROM cache WHERE cache_key = 'd/.'")"
	expect "number of rows" 15 "$(sqlite3 db.sqlite "SELECT count(*) FROM cache")"
	restart_daemon
	expect_value 'a/%{self}' "new a/%{self} more"
	expect_value "$name/%{self}" new
}

test_a_foreign_key_can_be_renamed_to_an_ordinary_name_and_back() {
	mount_over "$odd"
	rm "$MNT/a/%{257B73656C667D}"
	local name
	for name in 'a/%{self}' 'a/%{}' 'd/%{2E}' 'd/%{410042}' '%{2F61}'; do
		local value ino
		value=$(cat "$MNT/$name") ino=$(stat -c %i "$MNT/$name")
		mv "$MNT/$name" "$MNT/moved"
		expect_absent "$name"
		expect_value moved "$value"
		expect "identity of $name" "$ino" "$(stat -c %i "$MNT/moved")"
		[[ $name != 'a/%{self}' ]] || { rm "$MNT/moved"; continue; }
		mv "$MNT/moved" "$MNT/$name"
		expect_value "$name" "$value"
	done
	mv "$MNT/d/"*6C* "$MNT/d/short"
	expect_value 'd/short/%{self}' long
	expect_value d/short/x 'below long'
}

test_a_directory_is_renamed_with_its_own_value() {
	mount_over "$odd"
	mv "$MNT/a" "$MNT/c"
	expect tree "%{257B73656C667D}=looks own %{self}=own %{}=slash b=below" "$(tree c | paste -sd' ')"
	expect_absent a
	expect "rows of c" 4 "$(sqlite3 db.sqlite "SELECT count(*) FROM cache WHERE cache_key = 'c' OR cache_key LIKE 'c/%'")"
}

test_metadata_of_a_foreign_key_can_be_seen_and_set() {
	mount_over "$odd"
	rm "$MNT/a/%{257B73656C667D}"
	local name
	for name in 'a/%{self}' 'd/%{2E}' 'd/%{410042}'; do
		expect "version of $name" 0 "$(get_xattr "$name" user.cachefs.version)"
		expect "layers of $name" disk "$(get_xattr "$name" user.cachefs.layers)"
		setfattr -n user.colour -v red "$MNT/$name"
		chmod 600 "$MNT/$name"
		set_ttl "$name" 1000
		expect "colour of $name" red "$(get_xattr "$name" user.colour)"
		expect "mode of $name" 600 "$(stat -c %a "$MNT/$name")"
	done
	set_ttl 'a/%{self}' 0.2
	wait_until 10 is_gone 'a/%{self}'
	expect_value a/b below
}

test_a_file_stays_a_file_for_this_host() {
	mount_stack
	set_value a value
	expect_error "Not a directory" set_value a/b value
	expect_error "Not a directory" mkdir "$MNT/a/b"
	expect_error "Not a directory" mv "$MNT/a" "$MNT/a/b"
	expect_value a value
}

test_a_file_becomes_a_directory_when_another_program_makes_it_one() {
	mount_stack
	set_value a value
	expect_value a value
	foreign "('a/b', 'below')"
	wait_until 20 test -d "$MNT/a"
	expect_value 'a/%{self}' value
	expect_value a/b below
	rm "$MNT/a/b"
	wait_until 20 test -f "$MNT/a"
	expect_value a value
}

test_keys_of_escapes_can_be_made_too() {
	mount_stack
	mkdir "$MNT/d" "$MNT/d/%{}"
	set_value 'd/%{}/k' empty
	set_value 'd/%{2E}' dot
	expect "names" "%{2E} %{}" "$(ls -A "$MNT/d" | sort | paste -sd' ')"
	expect rows "'d/.' 'd//k'" "$(rows)"
	expect_error "Invalid argument" mkdir "$MNT/%{2F}"
	cp -a "$MNT/d" "$MNT/e"
	expect "copied rows" "'d/.' 'd//k' 'e/.' 'e//k'" "$(rows)"
}

run_tests
