#!/bin/bash
# user.cachefs.info tells all of a key in one line of JSON.
. "$(dirname "$0")/../lib.sh"

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
