"""POSIX locks of a process that has several descriptors of one file: locks.py FILE CASE

Prints "held" or "free": what another process finds in the end.
"""
import fcntl
import os
import sys


def other_finds(path):
    pid = os.fork()
    if pid == 0:
        fd = os.open(path, os.O_RDWR)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os._exit(1)
        os._exit(0)
    return "held" if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) else "free"


def lock(fd):
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def main(path, case):
    first = os.open(path, os.O_RDONLY)  # before there is any lock
    locked = os.open(path, os.O_RDWR)
    if case == "reader-closed-before":
        os.close(first)
    lock(locked)
    later = os.open(path, os.O_RDONLY)  # with one
    writer = os.open(path, os.O_WRONLY)
    assert other_finds(path) == "held"
    if case == "nothing":
        pass
    elif case == "first-reader":
        os.close(first)
    elif case == "later-reader":
        os.read(later, 1)
        os.close(later)
    elif case == "later-reader-dup":
        os.close(os.dup(later))
    elif case == "writer":
        os.close(writer)
    elif case == "itself":
        os.close(locked)
    elif case == "dup":
        os.close(os.dup(locked))
    elif case == "other-file":
        os.close(os.open(path + ".other", os.O_RDONLY))
    elif case == "child-closes":
        pid = os.fork()
        if pid == 0:
            for fd in (first, locked, later, writer):
                os.close(fd)
            os._exit(0)
        os.waitpid(pid, 0)
    elif case == "again":  # and again, with what is opened meanwhile
        os.close(later)
        lock(locked)
        assert other_finds(path) == "held"
        os.close(first)
    print(other_finds(path))


def inherited(path):
    """A child keeps what its parent closed before it took the lock, and then closes it."""
    reader = os.open(path, os.O_RDONLY)
    go, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(tell)
        os.read(go, 1)
        os.close(reader)
        os._exit(0)
    os.close(reader)
    locked = os.open(path, os.O_RDWR)
    lock(locked)
    os.close(tell)
    os.waitpid(pid, 0)
    print(other_finds(path))


if sys.argv[2] == "inherited":
    inherited(sys.argv[1])
else:
    main(*sys.argv[1:])
