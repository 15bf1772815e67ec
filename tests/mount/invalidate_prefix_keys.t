#!/bin/bash
# invalidate-prefix takes every byte as it is, keys of the Python package, and thousands at once.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/invalidate_prefix.sh"

test_every_byte_is_ordinary() {
	mount_layers "$DISK"
	local key
	for key in $'caf\xc3\xa9' $'caf\xc3\xb6' cafe $'caf\xc3\xff' $'\xff' $'\xff\xff' $'\xfe' ' k ' ' k' $'k\r' $'k\r2' k 'a\b' ab '[x]' x '%{' '?' .hidden; do
		set_value "$key" x
	done
	invalidate_prefix $'caf\xc3'
	invalidate_prefix $'\xff'
	invalidate_prefix ' k '
	invalidate_prefix $'k\r'
	invalidate_prefix 'a\'
	invalidate_prefix '['
	invalidate_prefix '?'
	invalidate_prefix '%{'
	invalidate_prefix .h
	expect_list "" $' k ab cafe k x \xfe'
	met_nothing .cachefs
	met_nothing CACHE
	test -e "$MNT/.cachefs/control"
}

# The package's own example.
test_what_the_package_stored_goes_too() {
	local package=$ROOT/tests/helpers/package.py
	mount_layers "$DISK"
	python3 "$package" sqlite db.sqlite many prefix: 100
	python3 "$package" sqlite db.sqlite set prefix 1
	set_value prefix:ours x
	invalidate_prefix prefix:
	expect_list "" prefix
	expect "rows" 1 "$(sqlite3 db.sqlite 'SELECT count(*) FROM cache')"
	unmount
	mount_layers "$FILE"
	python3 "$package" files files many prefix: 100
	python3 "$package" files files set other 1
	invalidate_prefix prefix:
	expect_list "" other
	expect "files" 1 "$(ls files | wc -l)"
	unmount
	start_redis
	redis cache-set prefix:a 1 >/dev/null
	redis cache-set prefix 1 >/dev/null
	mount_with '{"layers": ['"$REDIS"'], "cachefs": {"state_dir": "state"}}'
	wait_until 60 test -e "$MNT/prefix:a"
	invalidate_prefix prefix:
	expect_list "" prefix
}

# What is removed here the package does not find, and the other way round.
test_the_package_finds_nothing_of_it() {
	local package=$ROOT/tests/helpers/package.py
	mount_layers "$MEMORY, ${DISK/\"disk\"/\"disk\", \"revalidate_ms\": 0}" 
	set_value prefix:a '{"n": 1}'
	set_value other '{"n": 1}'
	invalidate_prefix prefix:
	expect "the package" miss "$(python3 "$package" sqlite db.sqlite get prefix:a)"
	expect "the package" '{"n": 1}' "$(python3 "$package" sqlite db.sqlite get other)"
	set_value prefix:a '{"n": 1}'
	python3 "$package" sqlite db.sqlite invalidate-prefix prefix: >/dev/null
	expect_miss prefix:a
}

test_many_keys_go_at_once() {
	mount_layers "$MEMORY, $DISK"
	python3 - "$MNT" <<'END'
import sys
for i in range(5000):
    open("%s/prefix:%d" % (sys.argv[1], i), "w").write("x")
open(sys.argv[1] + "/other", "w").write("x")
END
	invalidate_prefix prefix:
	expect_list "" other
	expect "rows" 1 "$(sqlite3 db.sqlite 'SELECT count(*) FROM cache')"
}

run_tests
