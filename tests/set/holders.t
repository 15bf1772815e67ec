#!/bin/bash
# A set ends when its writer has closed it, not when a child closes the descriptor that it inherited.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

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

run_tests
