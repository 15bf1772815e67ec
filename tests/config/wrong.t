#!/bin/bash
# Wrong configurations and the exact sentence for each. Between ---- lines: the file, then after
# "=>" what is said of it, without "cachefs: ".
. "$(dirname "$0")/../lib.sh"

wrong_configurations() {
	cat <<'END'
{"type": "memroy"}
=> c.json:1: $.type: unknown type "memroy"; did you mean "memory"? known types: TYPES, layered, flexible_layered
----
{"type": 5}
=> c.json:1: $.type: expected a string
----
{"type": "memory",
 "options": {"max_entires": 5}}
=> c.json:2: $.options.max_entires: unknown option of type "memory"; did you mean "max_entries"?
----
{"type": "memory", "options": {"max_entries": "many"}}
=> c.json:1: $.options.max_entries: expected a whole number or null, found a string
----
{"type": "memory", "options": {"max_entries": 0}}
=> c.json:1: $.options.max_entries: 0 is out of range: at least 1
----
{"type": "memory", "options": {"max_entries": 1.5}}
=> c.json:1: $.options.max_entries: expected a whole number, found 1.5
----
{"type": "memory", "options": {"max_bytes": 1e999}}
=> c.json:1: $.options.max_bytes: inf is out of range: from 1 to 9007199254740992
----
{"type": "memory", "options": {"max_bytes": 99999999999999999999}}
=> c.json:1: $.options.max_bytes: 1e+20 is out of range: from 1 to 9007199254740992
----
{"type": "memory", "options": {"eager_expiry": null}}
=> c.json:1: $.options.eager_expiry: expected true or false, found null; leave it out for the default, true
----
{"type": "memory", "options": {
  "default_ttl_s": -1}}
=> c.json:2: $.options.default_ttl_s: -1 is out of range: at least 0
----
{"type": "memory", "options": {"max_entries": 1,
                               "max_entries": 2}}
=> c.json:2: $.options.max_entries: given twice; remove one; another is on line 1
----
{"type": "memory", "max_entries": 5}
=> c.json:1: $.max_entries: not an option of a layer itself; write it into "options"
----
{"type": "memory", "options": []}
=> c.json:1: $.options: expected an object, found an array
----
{"memory": {}, "dsk": {}}
=> c.json:1: $.dsk: unknown option of the two-layer form; did you mean "disk"?
----
{"type": "flexible_layered",
 "layers": [{"type": "memory"}]}
=> c.json:2: $.layers: not an option of a layered cache itself; write it into "options"
----
{"type": "layered", "memory": {}}
=> c.json:1: $.memory: not an option of a layered cache itself; write it into "options"
----
{"type": "flexible_layered", "qqqqqqqqq": 1, "options": {"layers": [{"type": "memory"}]}}
=> c.json:1: $.qqqqqqqqq: unknown option of a layered cache; known: type, options, default_ttl_s, max_ttl_s, revalidate_ms, copy_on_get, stats_enabled, ttl_s, cachefs, plugin, enabled
----
{"layers": [{"type": "memory"},
            {"type": "disk", "options": {"pth": "db"}}]}
=> c.json:2: $.layers[1].options.pth: unknown option of type "disk"; did you mean "path"?
----
{"layers": [{"type": "disk", "options": {"path": 3}}]}
=> c.json:1: $.layers[0].options.path: expected a path, found a number
----
{"type": "disk", "options": {"ensure_directory": false,
  "path": "/nowhere/db.sqlite"}}
=> c.json:2: $.options.path: the directory of /nowhere/db.sqlite does not exist; create it, or set "ensure_directory": true
----
{"type": "disk", "options": {"path": "/tmp"}}
=> c.json:1: $.options.path: /tmp is a directory; name a file in it
----
{"type": "disk", "options": {"path": "/etc/passwd/db"}}
=> c.json:1: $.options.path: /etc/passwd is not a directory; choose another place for the database
----
{"layers": []}
=> c.json:1: $.layers: expected an array with at least one layer; for example [{"type": "memory"}, {"type": "disk"}]
----
{"layers": [{"name": ""}]}
=> c.json:1: $.layers[0].name: an empty name; leave it out: a layer is called as its type
----
{"layers": [{"priority": "high"}]}
=> c.json:1: $.layers[0].priority: expected a number
----
{"type": "redis", "options": {
  "host": "redis://:secret@cache.example.org:6380/2"}}
=> c.json:2: $.options.host: a URL, not the name of a host; write the parts of redis://USERNAME:PASSWORD@HOST:PORT/DB as "username", "password", "host", "port" and "db"
----
{"type": "disk", "options": {"path": "$HOME/c.sqlite"}}
=> c.json:1: $.options.path: variables are not replaced in a path; write the path itself; "~/" is the home directory
----
{"cachefs": {"state_dir": "${XDG_STATE_HOME}/x"}}
=> c.json:1: $.cachefs.state_dir: variables are not replaced in a path; write the path itself; "~/" is the home directory
----
{"layers": [{"type": "disk", "options": {"path": "db"}},
            {"type": "disk", "options": {"path": "./db"}}]}
=> c.json:2: $.layers[1].options.path: this is the store of $.layers[0].options, too; give it another "path"; two layers in one store drop each other's entries
----
{"layers": [{}], "write_strategy": "write_thru"}
=> c.json:1: $.write_strategy: "write_thru" is not one of write_through, write_back, write_around; did you mean "write_through"?
----
{"layer": [{}]}
=> c.json:1: $.layer: unknown option of the configuration; did you mean "layers"?
----
{"cachefs": {
  "rmdir": "empty"}}
=> c.json:2: $.cachefs.rmdir: "empty" is not one of invalidate_prefix, empty_only
----
{"cachefs": {"rmdri": "empty_only"}}
=> c.json:1: $.cachefs.rmdri: unknown option of "cachefs"; did you mean "rmdir"?
----
{"cachefs": {"max_threads": 5000}}
=> c.json:1: $.cachefs.max_threads: 5000 is out of range: from 4 to 4096
----
[]
=> c.json:1: $: expected an object: { ... }
----
{
  "type": "memory",
}
=> c.json:3:1: not valid JSON at "}"; remove the comma before it
----
{"type": "memory"
 "options": {}}
=> c.json:2:2: not valid JSON at a string; a comma is missing before it
----
{
  // fast
  "type": "memory"}
=> c.json:2:3: not valid JSON at "/"; JSON has no comments
----
{"type": memory}
=> c.json:1:10: not valid JSON at "m"; strings stand in double quotes; the words of JSON are true, false and null
----
{"type": "memory"
=> c.json:2:1: not valid JSON: the text ends too early; a closing brace or bracket is missing
----
{"type": "memory", "options": {"max_entries": 007}}
=> c.json:1: $.options.max_entries: not valid JSON: not a number; write it as 1, -1, 0.5 or 1e3
----
{"type": "disk", "options": {"path": "a\u0000b"}}
=> c.json:1: $.options.path: a NUL character in a string; remove \u0000
----
END
}

# The types that this build knows, as a problem lists them.
known_types() {
	echo '{"layers": [{"type": "?"}]}' >types.json
	"$CACHEFS" --check-config types.json 2>&1 | sed 's/.*known types: //' || true
}

# expect_sentence NUMBER SENTENCE: of c.json.
expect_sentence() {
	local rc=0 got
	got=$("$CACHEFS" --check-config c.json 2>&1) || rc=$?
	expect "status for configuration $1" 1 "$rc"
	expect "configuration $1" "cachefs: ${2//TYPES/$TYPES}" "$got"
}

test_each_wrong_configuration_gets_its_sentence() {
	local line count=0 sentence=
	TYPES=$(known_types)
	: >c.json
	while IFS= read -r line; do
		case $line in
		'=> '*) sentence=${line#=> } ;;
		----)
			expect_sentence $((++count)) "$sentence"
			: >c.json
			;;
		*) printf '%s\n' "$line" >>c.json ;;
		esac
	done < <(wrong_configurations)
	((count >= 30)) || fail "only $count configurations"
}

test_nothing_is_mounted_or_made_with_a_wrong_configuration() {
	local rc=0
	printf '{"layers": [{"type": "disk", "options": {"path": "new/db.sqlite"}},\n {"type": "disc"}], "cachefs": {"xatr": true}}' >c.json
	timeout 20 "$CACHEFS" c.json "$MNT" 2>err || rc=$?
	expect "status" 1 "$rc"
	expect "problems" 2 "$(wc -l <err)"
	grep -qF 'c.json:2: $.layers[1].type: unknown type "disc"' err
	grep -qF 'c.json:2: $.cachefs.xatr: unknown option' err
	[[ ! -e new ]] || fail "a directory was made"
	if is_mounted; then
		fail "it is mounted"
	fi
}

run_tests
