#!/bin/bash
# A place in an open directory is one behind a name: nothing that stays is skipped or repeated, whatever is removed and
# added in between.
. "$(dirname "$0")/posix.sh"

COUNT=300

# goes_on CHANGE: reading on, and going back after a rewind
goes_on() {
	local how
	for how in "$1" "$1-rewind"; do
		rm -rf d
		mkdir d
		keys "$COUNT"
		python3 -ES "$ROOT/tests/helpers/seekdir.py" "$PWD/d" "$how" "$COUNT" 2>err || fail "$how: $(tail -n 1 err)"
	done
}

# keys COUNT: files, directories, and names around a slash
keys() {
	python3 -ESc 'import sys
for i in range(int(sys.argv[1])):
    open(f"d/{i % 7}k{i}" + ("", "!", ".x")[i % 3], "w").close()' "$1"
}

test_a_listing_goes_on_where_it_was_when_names_are_removed() {
	goes_on removed
}

test_a_listing_goes_on_where_it_was_when_its_name_is_removed() {
	goes_on self
}

test_a_listing_goes_on_where_it_was_when_names_are_added() {
	goes_on added
}

test_a_listing_goes_on_where_it_was_when_names_are_removed_and_added() {
	goes_on both
}

test_a_listing_goes_on_where_it_was_while_keys_are_being_set() {
	goes_on pending
}

run_posix_tests
