#!/bin/bash
# A set goes on as long as one of many processes holds it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

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

run_tests
