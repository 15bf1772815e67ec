#!/bin/bash
# A temporary file that nobody renames becomes an entry once it has been at rest for a while.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

# As the daemon is killed: what is an entry is there.
becomes_an_entry() {
	set_value k.tmp value
	chmod 640 "$MNT/k.tmp"
	setfattr -n user.colour -v red "$MNT/k.tmp"
	local before
	before=$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")
	wait_until 30 scratch_files_are 0
	expect "stat" "$before" "$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")"
	expect "sets" 1 "$(sets)"
	[[ -z ${1:-} ]] || control flush
	kill_daemon
	expect_value k.tmp value
	expect "stat" "$before" "$(stat -c '%a %i %s %.9Y' "$MNT/k.tmp")"
	expect "xattr" red "$(get_xattr k.tmp user.colour)"
	expect_list "" k.tmp
}

test_a_temporary_file_at_rest_becomes_an_entry_of_sqlite() {
	over "$DISK" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_of_files() {
	over "$FILE" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_of_redis() {
	start_redis
	over "$REDIS" "$AT_ONCE"
	becomes_an_entry
}

test_it_becomes_an_entry_with_write_back() {
	over "$DISK" "$AT_ONCE" '"write_strategy": "write_back"'
	becomes_an_entry
}

run_tests
