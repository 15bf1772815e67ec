#!/bin/bash
# A set with several descriptors of one process, or a descriptor that was sent to another, ends with its
# opener.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

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

run_tests
