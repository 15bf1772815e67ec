#!/bin/bash
# What views of layers show besides keys and values: attributes, names, many keys.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/layer_views.sh"

test_a_large_value_and_many_keys_are_shown_whole() {
	mount_l1_l2
	random_file big 3000000
	cp big "$MNT/big"
	cmp big "$VIEW/l2/big"
	mkdir "$MNT/d"
	local i
	for i in {1..400}; do echo x >"$MNT/d/k$i"; done
	expect "keys in l1" 400 "$(ls "$VIEW/l1/d" | wc -l)"
	expect "keys in l2" 400 "$(ls "$VIEW/l2/d" | sort -u | wc -l)"
}

test_views_are_for_the_owner_of_the_mount() {
	mount_l1_l2
	expect mode 500 "$(stat -c %a "$VIEW")"
}

# names_of FILE: of all its attributes
names_of() {
	getfattr --absolute-names -d "$1" | sed -n 's/^user\.\([^=]*\)=.*/\1/p' | paste -sd' '
}

view_xattr() {
	getfattr --only-values --absolute-names -n "user.$2" "$VIEW/$1"
}

test_the_attributes_of_a_copy_are_listed() {
	mount_with '{"layers": [{"type": "memory", "name": "l1", "default_ttl_s": 500}, {"type": "disk", "name": "l2",
		"options": {"path": "db.sqlite"}}]}'
	VIEW=$MNT/.cachefs/layers
	mkdir "$MNT/d"
	set_value d/k x
	setfattr -n user.mine -v 1 "$MNT/d/k"
	cat "$MNT/d/k" >/dev/null
	expect "names in l1" "cachefs.created cachefs.expires_at cachefs.hits cachefs.ttl cachefs.version mine" "$(names_of "$VIEW/l1/d/k")"
	expect "names in l2" "cachefs.created cachefs.hits cachefs.version mine" "$(names_of "$VIEW/l2/d/k")"
	[[ $(view_xattr l1/d/k cachefs.ttl) == 4[0-9][0-9].* ]] || fail "TTL in l1: $(view_xattr l1/d/k cachefs.ttl)"
	expect "hits in l1" 1 "$(view_xattr l1/d/k cachefs.hits)"
	expect "hits in l2" 1 "$(view_xattr l2/d/k cachefs.hits)"
	expect "created in l2" "$(get_xattr d/k user.cachefs.created)" "$(view_xattr l2/d/k cachefs.created)"
	expect "mine in l2" 1 "$(view_xattr l2/d/k mine)"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$VIEW/l2/d/k"
	expect_error "Operation not supported" setfattr -n user.mine -v 2 "$VIEW/l1/d/k"
	set_ttl d/k 9000
	[[ $(view_xattr l1/d/k cachefs.ttl) == [89][0-9][0-9][0-9].* ]] || fail "TTL in l1: $(view_xattr l1/d/k cachefs.ttl)"
	[[ $(view_xattr l2/d/k cachefs.ttl) == [89][0-9][0-9][0-9].* ]] || fail "TTL in l2: $(view_xattr l2/d/k cachefs.ttl)"
	expect "names of the file" "cachefs.expires_at mine" "$(names_of "$MNT/d/k")"
	set_ttl d 60
	expect "names of the directory" cachefs.ttl "$(names_of "$VIEW/l2/d")"
}

test_a_layer_whose_name_is_no_file_name_shows_under_an_escape() {
	local long
	long=$(printf 'n%.0s' {1..300})
	mount_with '{"layers": [{"name": "a/b"}, {"name": ".."}, {"name": " x, y"}, {"name": "%{2E2E}"}, {"name": "'"$long"'"},
		{"name": "0"}]}'
	VIEW=$MNT/.cachefs/layers
	mkdir "$MNT/d"
	set_value d/k value
	expect "short names" " x, y|%{257B324532457D}|%{2E2E}|%{612F62}|0" "$(ls "$VIEW" | grep -v '~' | sort | paste -sd'|')"
	local name count=0
	for name in "$VIEW"/*; do
		expect "value in $name" value "$(cat "$name/d/k")"
		((++count))
	done
	expect "layers" 6 "$count"
	expect "value in a/b" value "$(cat "$VIEW/%{612F62}/d/k")"
	! test -e "$VIEW/a" || fail "there is no layer a"
	! test -e "$VIEW/1" || fail "there is no layer 1"
	expect "layers of d/k" 6 "$(get_xattr d/k user.cachefs.layers | tr ',' '\n' | grep -c .)"
	expect "the fastest" "%{612F62}" "$(get_xattr d/k user.cachefs.layer)"
	expect "names in the statistics" "a/b" "$(jq -r '.layers[0].name' "$MNT/.cachefs/stats.json")"
}

run_tests
