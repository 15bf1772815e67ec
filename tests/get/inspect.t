#!/bin/bash
. "$(dirname "$0")/../lib.sh"

test_hits_count_gets_and_not_peeks() {
	mount_with '{"type": "memory"}'
	set_value k x
	local before
	before=$(get_xattr k user.cachefs.hits)
	cat "$MNT/k" "$MNT/k" >/dev/null
	ls -la "$MNT" >/dev/null
	stat "$MNT/k" >/dev/null
	expect hits $((before + 2)) "$(get_xattr k user.cachefs.hits)"
}

test_the_version_counts_publishes() {
	mount_stack
	set_value k 1
	local first
	first=$(get_xattr k user.cachefs.version)
	set_value k 2
	expect version $((first + 1)) "$(get_xattr k user.cachefs.version)"
	mv "$MNT/k" "$MNT/moved"
	expect "version after rename" $((first + 1)) "$(get_xattr moved user.cachefs.version)"
}

test_layers_tell_who_holds_a_key() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}]}'
	set_value k x
	expect layer l1 "$(get_xattr k user.cachefs.layer)"
	expect layers l1,l2 "$(get_xattr k user.cachefs.layers)"
	restart_daemon
	expect "layer after a restart" l2 "$(get_xattr k user.cachefs.layer)"
	expect_value k x
	expect "layers after a promotion" l1,l2 "$(get_xattr k user.cachefs.layers)"
}

test_without_promotion_a_get_leaves_the_layers_alone() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}],
		"promotion_strategy": "never"}'
	set_value k x
	restart_daemon
	expect_value k x
	expect layers l2 "$(get_xattr k user.cachefs.layers)"
}

test_created_and_expires_at_are_readable() {
	mount_stack
	set_value k x
	[[ $(get_xattr k user.cachefs.created) ]] || fail "no user.cachefs.created"
	set_ttl k 100
	local at
	at=$(get_xattr k user.cachefs.expires_at)
	(( ${at%%.*} > $(date +%s) + 90 && ${at%%.*} < $(date +%s) + 110 )) || fail "expires_at is $at"
}

test_listed_attributes_are_what_a_copy_should_carry() {
	mount_stack
	set_value k x
	expect "names without a TTL" "" "$(getfattr --absolute-names "$MNT/k")"
	set_ttl k 100
	setfattr -n user.mine -v 1 "$MNT/k"
	expect names "user.cachefs.expires_at user.mine" \
		"$(getfattr --absolute-names "$MNT/k" | grep ^user | sort | paste -sd' ')"
}

test_inspection_attributes_are_read_only() {
	mount_stack
	set_value k x
	mkdir "$MNT/d"
	local name file
	for file in k d; do
		for name in version hits layer layers created nonsense; do
			expect_error "Operation not permitted" \
				setfattr -n "user.cachefs.$name" -v 1 "$MNT/$file"
			expect_error "Operation not permitted" \
				setfattr -x "user.cachefs.$name" "$MNT/$file"
		done
	done
	expect_error "Operation not permitted" setfattr -n user.cachefs.expires_at -v 1 "$MNT/d"
	expect version 1 "$(get_xattr k user.cachefs.version)"
}

test_attributes_that_are_not_there_are_not_found() {
	mount_stack
	set_value k x
	mkdir "$MNT/d"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.nonsense "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.rmdir "$MNT/k"
	expect_error "No such attribute" getfattr -n user.cachefs.ttl "$MNT/d"
	expect_error "No such attribute" getfattr -n user.cachefs.hits "$MNT/d"
	expect_error "Operation not permitted" setfattr -n user.cachefs.rmdir -v empty_only "$MNT/k"
	expect_error "Invalid argument" setfattr -n user.cachefs.rmdir -v perhaps "$MNT/d"
	expect_error "Invalid argument" setfattr -n user.cachefs.ttl -v soon "$MNT/k"
	expect_error "Invalid argument" setfattr -n user.cachefs.ttl -v -1 "$MNT/d"
	expect_error "Operation not supported" setfattr -n user.mine -v 1 "$MNT/.cachefs/stats.json"
}

test_a_directory_keeps_and_lists_its_own_two() {
	mount_stack
	mkdir "$MNT/d"
	setfattr -n user.cachefs.ttl -v 60 "$MNT/d"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/d"
	restart_daemon
	expect ttl 60 "$(get_xattr d user.cachefs.ttl)"
	expect rmdir empty_only "$(get_xattr d user.cachefs.rmdir)"
	expect names "user.cachefs.rmdir user.cachefs.ttl" \
		"$(getfattr --absolute-names "$MNT/d" | grep ^user | sort | paste -sd' ')"
}

test_symlinks_have_no_user_attributes() {
	mount_stack
	ln -s target "$MNT/s"
	expect_error "Operation not permitted" setfattr -h -n user.cachefs.ttl -v 1 "$MNT/s"
}

# Hits are written to the disk layer in batches; those that are not yet count as well.
test_hits_are_right_at_once_and_after_a_restart() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	set_value k x
	local i
	for i in 1 2 3 4 5; do
		expect_value k x
		expect "hits after get $i" "$i" "$(get_xattr k user.cachefs.hits)"
	done
	restart_daemon
	expect "hits after a restart" 5 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits after another" 6 "$(get_xattr k user.cachefs.hits)"
}

test_hits_of_a_faster_layer_reach_the_slower_one() {
	mount_stack
	set_value k x
	local i
	for i in 1 2 3; do expect_value k x; done
	expect hits 3 "$(get_xattr k user.cachefs.hits)"
	restart_daemon
	expect "hits after a restart" 3 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits after a promotion" 4 "$(get_xattr k user.cachefs.hits)"
	expect_value k x
	expect "hits in memory again" 5 "$(get_xattr k user.cachefs.hits)"
}

# info KEY [FILTER]: what user.cachefs.info says, through jq
info() {
	get_xattr "$1" user.cachefs.info | jq -r "${2:-.}"
}

test_info_tells_all_of_a_key_in_one_line_of_json() {
	mount_with '{"layers": [{"type": "memory", "default_ttl_s": 500}, {"type": "disk", "options": {"path": "db.sqlite"}}]}'
	mkdir "$MNT/d"
	set_value 'd/a "b"' value
	chmod 640 "$MNT/d/a \"b\""
	setfattr -n user.mine -v 1 "$MNT/d/a \"b\""
	cat "$MNT/d/a \"b\"" >/dev/null
	local key='d/a "b"'
	expect "lines" 1 "$(get_xattr "$key" user.cachefs.info | grep -c .)"
	expect key "$key" "$(info "$key" .key)"
	expect "type, mode, size" "file 0640 5" "$(info "$key" '"\(.type) \(.mode) \(.size)"')"
	expect inode "$(stat -c %i "$MNT/$key")" "$(get_xattr "$key" user.cachefs.info | grep -o '"ino":[0-9]*' | cut -d: -f2)"
	expect "hits and version" "1 1" "$(info "$key" '"\(.hits) \(.version)"')"
	expect "created" "$(get_xattr "$key" user.cachefs.created)" "$(get_xattr "$key" user.cachefs.info | grep -o '"created":[0-9.]*' | head -1 | cut -d: -f2)"
	expect "xattrs" user.mine "$(info "$key" '.xattrs | join(",")')"
	expect "own end" "null false" "$(info "$key" '"\(.ttl) \(.own_end)"')"
	expect "layers" memory,disk "$(info "$key" '[.layers[].layer] | join(",")')"
	expect "hits in each" 1,1 "$(info "$key" '[.layers[].hits | tostring] | join(",")')"
	expect "ends of the copies" true,null "$(info "$key" '[.layers[0].ttl > 400, .layers[1].ttl] | map(tostring) | join(",")')"
	expect "checksums" 1 "$(info "$key" '[.xxh3, .layers[].xxh3] | unique | length')"
	set_ttl "$key" never
	expect "own never" "never true" "$(info "$key" '"\(.ttl) \(.own_end)"')"
}

test_info_tells_of_what_is_pending_foreign_or_a_directory() {
	mount_stack
	python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite set foreign '{"a": 1}' >/dev/null
	expect "foreign" "true 0" "$(info foreign '"\(.foreign) \(.version)"')"
	open_writer w k
	tell w write half
	expect "pending" "true 0 false" "$(info k '"\(.pending) \(.layers | length) \(.foreign)"')"
	tell w close
	expect "closed" "false 2" "$(info k '"\(.pending) \(.layers | length)"')"
	set_value k.tmp temporary
	expect "a temporary file" "true 0 false" "$(info k.tmp '"\(.pending) \(.layers | length) \(.foreign)"')"
	mkdir -p "$MNT/d/e"
	set_ttl d 60
	expect "a directory" "directory d/e 60" "$(info d/e '"\(.type) \(.key) \(.default_ttl)"')"
	printf x >"$MNT/"$'\xff'
	expect "a key that is no text" FF "$(info $'\xff' .key_hex)"
	expect_error "Operation not permitted" setfattr -n user.cachefs.info -v x "$MNT/k"
	expect "not listed" "" "$(getfattr -d "$MNT/k" 2>/dev/null)"
}

run_tests
