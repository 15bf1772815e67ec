#!/bin/bash
# A child that outlives its opener sets when it ends; a program that executes another sets.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

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

run_tests
