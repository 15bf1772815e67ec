#!/bin/bash
# Keys that no path can spell, which another program wrote, show under escapes, can be read and removed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/escape.sh"

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
