# Words for tests of who ends a set: the descriptors of children are inherited, and each child that exits or
# executes closes some.

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
