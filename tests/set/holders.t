#!/bin/bash
# A set ends when its writer has closed it, not when one of several descriptors is closed: those of
# children are inherited, and each of them that exits or executes closes some.
. "$(dirname "$0")/../lib.sh"

# program: Python from stdin, with a few words of its own; k holds `old` before.
program() {
	local rc=0
	set_value k old
	timeout -k 1 120 python3 -ES - "$MNT/k" <<-END || rc=$?
		import os, socket, subprocess, sys, threading
		path = sys.argv[1]

		def expect(want):
		    with open(path) as f:
		        got = f.read()
		    assert got == want, f"expected {want!r}, got {got!r}"

		def create():
		    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

		def child(work):
		    pid = os.fork()
		    if pid == 0:
		        work()
		        os._exit(0)
		    assert os.waitpid(pid, 0)[1] == 0

		$(cat)
	END
	[[ $rc = 0 ]] || fail "the program ended with $rc"
}

# A set as large as the only layer may be does not fit with its key: who ends it is told. (A larger one is told at
# write.)
mount_small() {
	mount_with '{"type": "memory", "options": {"max_bytes": 100000}}'
	set_value k old
}

# --- children ---------------------------------------------------------------------------------

test_a_subshell_sets_when_it_ends_not_when_its_programs_do() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		expect_value k old
		/bin/echo part2
		expect_value k old
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_a_new_key_is_not_there_before_its_subshell_has_ended() {
	mount_stack
	(
		/bin/echo part1
		expect_miss k
		/bin/echo part2
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_a_loop_that_reads_from_a_pipe_sets_once() {
	mount_stack
	set_value k old
	printf '%s\n' 1 2 3 | while read -r line; do
		/bin/echo "$line"
		expect_value k old
	done >"$MNT/k"
	expect_value k $'1\n2\n3'
}

test_what_programs_write_to_a_descriptor_of_the_shell_is_set_when_it_is_closed() {
	mount_stack
	set_value k old
	exec 3>"$MNT/k"
	/bin/echo a >&3
	expect_value k old
	echo b >&3
	expect_value k old
	/bin/echo c >&3
	expect_value k old
	exec 3>&-
	expect_value k $'a\nb\nc'
}

test_a_child_that_forks_and_exits_sets_nothing() {
	mount_stack
	program <<-'END'
		fd = create()
		os.write(fd, b"half")
		child(lambda: None)
		expect("old")
		child(lambda: os.write(fd, b", more"))
		expect("old")
		os.write(fd, b" and half")
		os.close(fd)
		expect("half, more and half")
	END
}

test_a_program_started_with_system_or_spawn_sets_nothing() {
	mount_stack
	program <<-'END'
		fd = create()
		os.write(fd, b"half")
		os.system("true")
		expect("old")
		pid = os.posix_spawn("/bin/true", ["true"], os.environ)
		os.waitpid(pid, 0)
		expect("old")
		subprocess.run(["/bin/true"])
		expect("old")
		os.write(fd, b" and half")
		os.close(fd)
		expect("half and half")
	END
}

test_a_program_that_writes_for_another_sets_when_the_other_closes() {
	mount_stack
	program <<-'END'
		with open(path, "w") as f:
		    subprocess.run(["/bin/echo", "a"], stdout=f)
		    expect("old")
		    subprocess.run("echo b; /bin/echo c; echo d", shell=True, stdout=f)
		    expect("old")
		expect("a\nb\nc\nd\n")
	END
}

test_a_job_that_outlives_its_opener_sets_when_it_ends() {
	mount_stack
	set_value k old
	mkfifo go
	{
		(
			/bin/echo a
			read -r <go
			/bin/echo b
			expect_value k old
			/bin/echo c
			expect_value k old
		) &
	} >"$MNT/k"
	local job=$!
	expect_value k old
	echo >go
	wait "$job"
	expect_value k $'a\nb\nc'
}

test_a_child_that_writes_on_after_its_opener_has_closed_sets_when_it_ends() {
	mount_stack
	program <<-'END'
		fd = create()
		ours, its = socket.socketpair(socket.AF_UNIX)
		pid = os.fork()
		if pid == 0:
		    ours.close()
		    os.write(fd, b"half")
		    its.send(b"x")
		    its.recv(1)
		    os.write(fd, b" and half")
		    os._exit(0)
		ours.recv(1)
		os.close(fd)
		expect("old")
		ours.send(b"x")
		os.waitpid(pid, 0)
		expect("half and half")
	END
}

# The kernel closes what is close-on-exec in the middle of execve(2), and may show nothing of the process
# until that has ended: who looks must not wait for it.
test_a_program_that_executes_another_sets_and_does_not_hang() {
	mount_stack
	program <<-'END'
		fd = create()
		child(lambda: os.write(fd, b"by a child, "))
		os.write(fd, b"by itself")
		os.execv("/bin/true", ["true"])
	END
	expect_value k "by a child, by itself"
	program <<-'END'
		fd = create()
		ours, its = socket.socketpair(socket.AF_UNIX)
		pid = os.fork()
		if pid == 0:
		    ours.close()
		    os.write(fd, b"by a child")
		    its.send(b"x")
		    its.recv(1)
		    os.execv("/bin/true", ["true"])
		ours.recv(1)
		os.close(fd)
		expect("old")
		ours.send(b"x")
		os.waitpid(pid, 0)
		expect("by a child")
	END
}

# --- several descriptors of one process ---------------------------------------------------------

test_a_thread_that_closes_a_duplicate_sets_nothing_once_the_handle_is_shared() {
	mount_stack
	program <<-'END'
		fd = create()
		child(lambda: os.write(fd, b"a"))
		copy = os.dup(fd)
		def work():
		    os.write(copy, b"b")
		    os.close(copy)
		thread = threading.Thread(target=work)
		thread.start()
		thread.join()
		expect("old")
		os.close(fd)
		expect("ab")
	END
}

test_threads_hold_a_file_when_the_first_of_them_has_ended() {
	mount_stack
	program <<-'END'
		import ctypes
		fd = create()
		first = os.getpid()
		def work():
		    while open(f"/proc/{first}/stat").read().split(") ")[1][0] != "Z":
		        pass
		    child(lambda: os.write(fd, b"half"))
		    expect("old")
		    os.write(fd, b" and half")
		    os.close(fd)
		    expect("half and half")
		def work_and_tell():
		    try:
		        work()
		        os._exit(0)
		    finally:
		        os._exit(1)
		threading.Thread(target=work_and_tell).start()
		ctypes.CDLL(None).syscall(60, 1)
	END
}

test_what_was_set_before_a_duplicate_is_closed_again_stays_until_the_last() {
	mount_stack
	open_writer w k
	tell w write a
	tell w dupclose # nothing tells that it has another: a documented limit
	tell w write b
	tell w dupclose
	expect_value k a
	tell w close
	expect_value k ab
}

test_a_descriptor_sent_to_another_process_is_set_by_its_opener() {
	mount_stack
	program <<-'END'
		a, b = socket.socketpair(socket.AF_UNIX)
		pid = os.fork()
		if pid == 0:
		    fds = socket.recv_fds(b, 1, 1)[1]
		    os.write(fds[0], b"sent")
		    os.close(fds[0])
		    os._exit(0)
		fd = create()
		socket.send_fds(a, [b"x"], [fd])
		os.waitpid(pid, 0)
		expect("old")
		os.close(fd)
		expect("sent")
	END
}

test_a_program_that_has_it_open_twice_is_told_of_each_failure_by_close() {
	mount_small
	program <<-'END'
		one, two = create(), create()
		for fd in one, two:
		    os.write(fd, b"x" * 99998)
		child(lambda: os.write(one, b"y"))
		child(lambda: os.write(two, b"y"))
		for fd in one, two:
		    try:
		        os.close(fd)
		    except OSError:
		        continue
		    assert False, "a value larger than the layer was taken"
		expect("old")
	END
}

# --- many processes -----------------------------------------------------------------------------

# 10 and 40: more than eight have been known, and more than can be.
test_a_set_goes_on_as_long_as_any_of_many_processes_holds_it() {
	mount_stack
	program <<-'END'
		def start(fd, text):
		    ours, its = socket.socketpair(socket.AF_UNIX)
		    pid = os.fork()
		    if pid == 0:
		        ours.close()
		        os.write(fd, text)
		        its.send(b"x")
		        its.recv(1)
		        os._exit(0)
		    its.close()
		    ours.recv(1)
		    return pid, ours

		before = "old"
		for text, count, order in (b"a", 10, 1), (b"b", 10, -1), (b"c", 40, 1), (b"d", 40, -1):
		    fd = create()
		    children = [start(fd, text) for i in range(count)]
		    os.close(fd)
		    for pid, ours in children[::order]:
		        expect(before)
		        ours.send(b"x")
		        os.waitpid(pid, 0)
		    before = count * text.decode()
		    expect(before)
	END
}

test_children_that_have_ended_take_no_room_of_others() {
	mount_small
	program <<-'END'
		fd = create()
		os.write(fd, b"x" * 99900)
		for i in range(100):
		    child(lambda: os.write(fd, b"y"))
		try:
		    os.close(fd)
		except OSError:
		    sys.exit(0)
		assert False, "a value larger than the layer was taken"
	END
	expect_value k old
}

# --- who else opens it ----------------------------------------------------------------------------

test_who_opens_a_key_that_is_being_made_and_writes_nothing_sets_nothing() {
	mount_stack
	local open
	for open in 'touch "$1"' ': >>"$1"' 'exec 7<>"$1"' 'flock "$1" true'; do
		(
			/bin/echo part1
			"$BASH" -c "$open" _ "$MNT/k" 2>/dev/null || true
			expect_miss k
			/bin/echo part2
		) >"$MNT/k"
		expect_value k $'part1\npart2'
		rm "$MNT/k"
	done
}

test_nor_does_one_who_makes_it_with_an_open_for_reading() {
	mount_stack '"entry_timeout": 0'
	(
		/bin/echo part1
		python3 -ES -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_CREAT))' "$MNT/k" 2>/dev/null || true
		expect_miss k
		/bin/echo part2
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_what_it_wrote_is_set_by_the_last_who_has_it_open() {
	mount_stack
	open_writer a k
	open_writer b k w
	tell a write whole
	tell a close
	expect_value k whole
	tell b close
	expect_value k whole
}

test_fsync_shows_a_new_key_whoever_wrote_it() {
	mount_stack
	open_writer a k
	open_writer b k w
	tell a write part
	expect_miss k
	tell b fsync
	expect_value k part
	tell a close
	tell b close
}

# --- what ends it -------------------------------------------------------------------------------

test_the_openers_close_tells_whether_what_its_child_wrote_is_stored() {
	mount_small
	program <<-'END'
		fd = create()
		child(lambda: os.write(fd, b"x" * 99998))
		try:
		    os.close(fd)
		except OSError:
		    sys.exit(0)
		assert False, "a value larger than the layer was taken"
	END
	expect_value k old
}

test_fsync_shows_what_is_held_back() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		expect_value k old
		python3 -ES -c 'import os; os.fsync(1)'
		expect_value k part1
		/bin/echo part2
		expect_value k part1
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_an_appender_sets_at_each_close_of_a_descriptor() {
	mount_stack
	exec 3>>"$MNT/log"
	/bin/echo a >&3
	expect_value log a
	echo b >&3
	expect_value log $'a\nb'
	(
		/bin/echo c
		expect_value log $'a\nb\nc'
	) >&3
	exec 3>&-
	expect_value log $'a\nb\nc'
}

test_what_is_held_back_follows_a_rename() {
	mount_stack
	(
		/bin/echo part1
		mv "$MNT/k" "$MNT/other"
		/bin/echo part2
		expect_miss other
	) >"$MNT/k"
	expect_value other $'part1\npart2'
	expect_absent k
}

test_what_is_held_back_is_dropped_by_an_unlink() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		rm "$MNT/k"
		/bin/echo part2
	) >"$MNT/k"
	expect_absent k
}

test_a_handle_that_is_gone_has_set_what_it_held_back_whoever_else_writes() {
	mount_stack
	program <<-'END'
		one, two = os.open(path, os.O_WRONLY), os.open(path, os.O_WRONLY)
		copy = os.dup(two) # one more than there are other handles
		child(lambda: os.write(one, b"new"))
		expect("old")
		os.close(one)
		expect("new")
	END
}

# --- who can be looked at -----------------------------------------------------------------------

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
