#!/bin/bash
# Keys that no path can spell: another program wrote them into the database.
. "$(dirname "$0")/../lib.sh"

# mount_over ROWS [SETTINGS]
mount_over() {
	mount_stack "${2:-}"
	foreign "$1"
}

# foreign "KEY, VALUE", "KEY, VALUE" ...: SQL expressions
foreign() {
	local pair
	for pair; do
		echo "INSERT OR REPLACE INTO cache(cache_key, payload, expires_at, updated_at)
			SELECT column1, column2, NULL, 1000.25 FROM (VALUES $pair);"
	done | sqlite3 -cmd '.timeout 10000' db.sqlite
}

rows() {
	sqlite3 -cmd '.timeout 10000' db.sqlite 'SELECT quote(cache_key) FROM cache ORDER BY cache_key' | paste -sd' '
}

long=$(printf 'l%.0s' {1..300})
odd="('http://host/page', 'double'), ('/a', 'leading'), ('d//', 'two'), ('d/.', 'dot'), ('d/../k', 'dotdot'),
	('d/' || char(65, 0, 66), 'nul'), ('d/$long', 'long'), ('d/$long/x', 'below long'), ('d/%{2E}', 'looks'),
	('a', 'own'), ('a/b', 'below'), ('a!', 'between'), ('a/', 'slash'), ('a/%{self}', 'looks own'), ('p', 'plain')"

# What find and cat show: "NAME=VALUE", long names cut short.
tree() {
	(cd "$MNT/$1" && find . -type f | sort | while read -r name; do
		printf '%s=%s\n' "${name#./}" "$(cat "$name")"
	done) | sed -E 's/\{(6C){96}~[0-9A-F]{32}\}/{l~}/'
}

test_every_key_shows_and_can_be_read() {
	mount_over "$odd"
	expect tree "$(sort <<-'END'
		%{2F61}=leading
		a!=between
		a/%{257B73656C667D}=looks own
		a/%{self}=own
		a/%{}=slash
		a/b=below
		d/%{257B32457D}=looks
		d/%{2E2E}/k=dotdot
		d/%{2E}=dot
		d/%{410042}=nul
		d/%{l~}/%{self}=long
		d/%{l~}/x=below long
		d/%{}/%{}=two
		http:/%{}/host/page=double
		p=plain
	END
	)" "$(tree .)"
	expect "types in a listing" "d a" "$(find "$MNT" -maxdepth 1 -name a -printf '%y %f')"
	expect "a plain listing" "%{2F61} a a! d http: p" "$(ls -A "$MNT" | sort | paste -sd' ')"
	expect "a long listing" 6 "$(ls -lA "$MNT" | grep -c root)"
	expect "readdir and stat agree" "$(find "$MNT" -mindepth 1 -printf '%i %p\n' | sort)" \
		"$(find "$MNT" -mindepth 1 -exec stat -c '%i %n' {} + | sort)"
	expect "identities" "" "$(find "$MNT" -printf '%i\n' | sort | uniq -d)"
}

test_one_layer_by_itself_shows_them_too() {
	mount_over "$odd"
	expect tree "$(tree .)" "$(tree .cachefs/layers/disk)"
	expect "types" "d a" "$(find "$MNT/.cachefs/layers/disk" -maxdepth 1 -name a -printf '%y %f')"
	expect 'a/%{self}' own "$(cat "$MNT/.cachefs/layers/disk/a/%{self}")"
}

test_every_key_can_be_removed() {
	mount_over "$odd"
	find "$MNT" -type f | while read -r name; do
		rm "$name"
		! test -e "$name" || test -d "${name%/*}" || fail "rm $name: it is still there"
	done
	expect "rows left" "" "$(rows)"
	expect_list "" ""
}

test_rm_removes_a_whole_tree() {
	mount_over "$odd"
	rm -rf "$MNT"/*
	expect "rows left" "" "$(rows)"
	expect_list "" ""
}

test_rmdir_reaches_them() {
	mount_over "$odd"
	rmdir "$MNT/d"
	expect "rows without d" "'/a' 'a' 'a!' 'a/' 'a/%{self}' 'a/b' 'http://host/page' 'p'" "$(rows)"
	rmdir "$MNT/http:/%{}"
	rmdir "$MNT/a"
	expect "rows left" "'/a' 'a!' 'p'" "$(rows)"
	expect "names left" "%{2F61} a! p" "$(ls -A "$MNT" | sort | paste -sd' ')"
}

test_under_empty_only_rmdir_sees_them() {
	mount_over "('a', 'own'), ('a/b', 'below'), ('d/', 'slash'), ('e/.', 'dot'), ('f//k', 'k')" '"rmdir": "empty_only"'
	mkdir "$MNT/a/sub"
	local dir
	for dir in a d e f 'f/%{}'; do
		expect_error "not empty" rmdir "$MNT/$dir"
	done
	rm "$MNT/a/b"
	rmdir "$MNT/a/sub"
	expect_value a own
	rm "$MNT/e/%{2E}"
	expect_absent e
}

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

test_a_name_that_no_key_makes_an_escape_is_a_name() {
	mount_over "('a', 'own'), ('a/b', 'below')"
	rm "$MNT/a/%{self}"
	expect_absent 'a/%{self}'
	set_value 'a/%{self}' literal
	expect_value 'a/%{self}' literal
	expect rows "'a/%{self}' 'a/b'" "$(rows)"
	foreign "('a', 'own again')"
	expect tree "%{257B73656C667D}=literal %{self}=own again b=below" "$(tree a | paste -sd' ')"
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

test_a_large_directory_of_odd_names_is_listed_once_each() {
	mount_stack
	sqlite3 -cmd '.timeout 10000' db.sqlite "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT INTO cache(cache_key, payload, expires_at, updated_at)
		SELECT 'd/' || i, 'v', NULL, 1 FROM n UNION ALL SELECT 'd/' || i || '/b', 'v', NULL, 1 FROM n WHERE i % 3 = 0
		UNION ALL SELECT 'd/' || i || '.', 'v', NULL, 1 FROM n UNION ALL SELECT 'd//' || i, 'v', NULL, 1 FROM n"
	expect names 2001 "$(ls -A "$MNT/d" | wc -l)"
	expect "different names" 2001 "$(ls -A "$MNT/d" | sort -u | wc -l)"
	expect directories 334 "$(find "$MNT/d" -mindepth 1 -maxdepth 1 -type d | wc -l)"
	expect files 3333 "$(find "$MNT/d" -type f | wc -l)"
	expect "names in %{}" 1000 "$(ls "$MNT/d/%{}" | wc -l)"
}

run_tests
