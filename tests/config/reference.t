#!/bin/bash
# The option tables are the truth: what they hold is in docs/options.md, and nothing else is.
. "$(dirname "$0")/../lib.sh"

reference_in_docs() {
	sed -n '/^<!-- options: /,/^<!-- end of options -->/p' "$ROOT/docs/options.md" | sed '/^<!-- /d'
}

# same_reference FILE: the tables' own print equals this part of the README.
same_reference() {
	"$CACHEFS" --print-options >printed
	diff -u --label docs/options.md --label "the option tables" "$1" printed >difference ||
		fail "run tools/update-reference: $(grep '^[-+]|' difference | head -5)"
}

test_the_reference_has_every_option_with_its_default_and_values() {
	reference_in_docs >reference
	same_reference reference
}

test_every_type_that_the_program_knows_has_its_table() {
	local types type
	echo '{"type": "?"}' >c.json
	types=$("$CACHEFS" --check-config c.json 2>&1 | sed 's/.*known types: //; s/,//g') || true
	[[ $types == *memory*flexible_layered* ]] || fail "types: $types"
	for type in $types; do
		reference_in_docs | grep -qF "type \`$type\`" || fail "no table of type $type in docs/options.md"
	done
}

test_a_missing_row_a_stray_row_and_a_wrong_default_are_found_out() {
	local edit
	reference_in_docs >reference
	for edit in '/`size_limit_mb`/d' 's/^| `size_limit_mb`.*/&\n| `size_limits_mb` | | | stray |/' \
		's/\(`size_limit_mb` | \)`null`/\1`5`/' 's/\(`size_limit_mb` .*\)a number/\1a string/'; do
		sed "$edit" reference >edited
		if cmp -s reference edited || (same_reference edited) 2>/dev/null; then
			fail "not found out: $edit"
		fi
	done
	rm -f "$TMP/.failure"
}

run_tests
