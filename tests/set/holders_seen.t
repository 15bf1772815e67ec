#!/bin/bash
# The daemon sees who holds a file, in other mount namespaces too; where it cannot look, each close sets.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

test_a_writer_in_another_mount_namespace_is_seen() {
	mount_stack
	unshare -m true 2>/dev/null || skip "only root may have a mount namespace"
	set_value k old
	unshare -m "$BASH" -ec '
		( /bin/echo part1; cat "$1" >"$2"; /bin/echo part2 ) >"$1"' _ "$MNT/k" "$TMP/seen"
	expect "what was there meanwhile" old "$(<seen)"
	expect_value k $'part1\npart2'
}

test_a_bind_of_the_mount_is_the_same_file() {
	mount_stack
	mkdir bound
	mount --bind "$MNT" bound 2>/dev/null || skip "only root may bind"
	at_end 'umount "$TMP/bound"'
	set_value k old
	(
		/bin/echo part1
		expect_value k old
		/bin/echo part2
	) >bound/k
	expect_value k $'part1\npart2'
	umount bound
}

test_a_writer_in_another_pid_namespace_sets_at_each_close() {
	mount_stack
	unshare -pf true 2>/dev/null || skip "only root may have a pid namespace"
	unshare -pf "$BASH" -c '( /bin/echo part1; /bin/echo part2 ) >"$1"' _ "$MNT/k"
	expect_value k $'part1\npart2'
}

# As a daemon that is not root has it with other users' processes.
test_a_writer_that_cannot_be_looked_at_sets_at_each_close() {
	setpriv --bounding-set=-sys_ptrace --reuid 5 true 2>/dev/null || skip "only root can lose rights"
	printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_ptrace,-dac_override,-dac_read_search %s "$@"\n' \
		"$CACHEFS" >daemon
	chmod 755 daemon
	chmod 711 "$TMP"
	echo '{"type": "memory"}' >cachefs.json
	CACHEFS=$TMP/daemon start_daemon -o allow_other cachefs.json
	set_value k old
	chmod 666 "$MNT/k"
	setpriv --reuid 5 --regid 60 --clear-groups "$BASH" -c \
		'( /bin/echo part1; cat "$1" >&2; /bin/echo part2 ) >"$1"' _ "$MNT/k" 2>seen
	expect "what was there meanwhile" part1 "$(<seen)"
	expect_value k $'part1\npart2'
}

# A documented limit, so that nobody waits long for a program with thousands of files.
test_a_file_behind_hundreds_of_others_is_set_by_a_child() {
	mount_stack
	program <<-'END'
		others = [os.open("/dev/null", os.O_RDONLY) for i in range(400)]
		fd = create()
		child(lambda: os.write(fd, b"a"))
		expect("a")
		os.write(fd, b"b")
		os.close(fd)
		expect("ab")
	END
}

run_tests
