#!/bin/bash
# Values larger than the daemon's memory: written, read, mapped and stored as files. 300 MiB, with
# LONG=1 (tests/run --long) 3 GiB.
. "$(dirname "$0")/../lib.sh"

MIB=${LONG:+3072}
MIB=${MIB:-300}
BOUND_MIB=$((MIB > 600 ? 200 : MIB / 4)) # of anonymous memory, whatever the size of the value
[[ ! ${LONG:-} ]] || TEST_SECONDS=900

# The sanitizers' own memory is not what we look for.
is_sanitized() {
	grep -q 'lib[at]san\|__[at]san' <(ldd "$CACHEFS"; grep -ao '__[at]san_init' "$CACHEFS" | head -n 1)
}

expect_small_heap() {
	local kib
	kib=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON_PID/status")
	is_sanitized || ((kib < BOUND_MIB * 1024)) ||
		fail "$1: the daemon has $((kib / 1024)) MiB of anonymous memory, more than $BOUND_MIB"
}

big() {
	local said
	said=$("$HELPERS/big" "$@" 2>&1) || fail "big $*: $said"
	expect_small_heap "$1"
}

files_in_store() {
	find db.sqlite.values -type f | wc -l
}

test_a_big_value_is_written_read_mapped_and_stored_without_passing_through_memory() {
	mount_stack
	big write "$MNT/k" "$MIB" 1
	big read "$MNT/k" "$MIB" 1
	big map "$MNT/k" "$MIB" 1
	expect "files of values" 1 "$(files_in_store)"
	expect "layers" disk "$(get_xattr k user.cachefs.layers)"
	big poke "$MNT/k" "$MIB" 2
	big read "$MNT/k" "$MIB" 2
	restart_daemon
	big read "$MNT/k" "$MIB" 2
	big map "$MNT/k" "$MIB" 2
	expect "files of values" 1 "$(files_in_store)"
}

test_a_published_working_copy_is_the_stored_file_itself() {
	mount_stack
	exec {out}>"$MNT/k"
	head -c 20000000 /dev/zero >&"$out"
	local before after
	before=$(find "/proc/$DAEMON_PID/fd" -lname '*db.sqlite.values/*' -printf '%p\n' | head -n 1)
	before=$(stat -L -c %i "$before")
	exec {out}>&-
	after=$(stat -c %i db.sqlite.values/*)
	expect "inode of the file" "$before" "$after"
}

test_memory_alone_keeps_a_big_value_in_a_file() {
	mount_with '{"type": "memory"}'
	big write "$MNT/k" "$MIB" 1
	big read "$MNT/k" "$MIB" 1
	big map "$MNT/k" "$MIB" 1
}

test_many_values_in_files_take_no_descriptors() {
	mount_stack
	local i fds
	head -c 1100000 /dev/zero >value
	for i in {1..40}; do
		cp value "$MNT/k$i"
		cmp value "$MNT/k$i"
	done
	fds=$(ls "/proc/$DAEMON_PID/fd" | wc -l)
	((fds < 40)) || fail "the daemon has $fds descriptors open"
}

test_a_small_value_in_a_file_is_promoted_to_memory() {
	mount_stack '' '"inline_limit_kb": 16'
	random_file small 100000
	cp small "$MNT/k"
	restart_daemon
	expect layers disk "$(get_xattr k user.cachefs.layers)"
	cmp small "$MNT/k"
	expect layers memory,disk "$(get_xattr k user.cachefs.layers)"
	rm -r db.sqlite.values
	cmp small "$MNT/k"
}

run_tests
