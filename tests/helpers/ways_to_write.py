#!/usr/bin/env python3
"""Changes files, each in one way, and prints what their modes are afterwards.

ways_to_write.py names          prints the names WAY-HANDLE, of which each way is to be tried
ways_to_write.py UID DIR        as that user, changes DIR/WAY-HANDLE in that way; DIR/source can be read
"""
import ctypes
import errno
import mmap
import os
import subprocess
import sys

NEW = b"new content"
FLAGS = {"wronly": os.O_WRONLY, "rdwr": os.O_RDWR, "append": os.O_WRONLY | os.O_APPEND}
LIBC = ctypes.CDLL(None, use_errno=True)


def punch(fd, _):
    if LIBC.fallocate(fd, 3, ctypes.c_long(0), ctypes.c_long(4)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def map_it(fd, _):
    with mmap.mmap(fd, 4) as m:
        m[0:3] = b"new"
        m.flush()


def splice(fd, _):
    r, w = os.pipe()
    os.write(w, NEW)
    os.splice(r, fd, len(NEW))


BY_HANDLE = {
    "write": lambda fd, _: os.write(fd, NEW),
    "pwrite": lambda fd, _: os.pwrite(fd, NEW, 1),
    "ftruncate": lambda fd, _: os.ftruncate(fd, 3),
    "fallocate": lambda fd, _: os.posix_fallocate(fd, 0, 5000),
    "punch": punch,
    "mmap": map_it,
    "sendfile": lambda fd, source: os.sendfile(fd, source, 0, 10),
    "copy_file_range": lambda fd, source: os.copy_file_range(source, fd, 10),
    "splice": splice,
    "o_trunc": lambda fd, _: None,
}
BY_PATH = {
    "dd": lambda path: subprocess.run(["dd", "conv=notrunc", "status=none", "of=" + path], input=NEW, check=True),
    "shell_append": lambda path: subprocess.run(["sh", "-c", 'echo new >>"$0"', path], check=True),
    "shell_overwrite": lambda path: subprocess.run(["sh", "-c", 'echo new 1<>"$0"', path], check=True),
    "truncate": lambda path: os.truncate(path, 3),
}


def names():
    for way in BY_HANDLE:
        for handle in ["rdwr"] if way == "mmap" else FLAGS:
            yield way + "-" + handle
    yield from BY_PATH


def change(directory, name):
    path = os.path.join(directory, name)
    way, _, handle = name.partition("-")
    if way in BY_PATH:
        BY_PATH[way](path)
        return
    fd = os.open(path, FLAGS[handle] | (os.O_TRUNC if way == "o_trunc" else 0))
    source = os.open(os.path.join(directory, "source"), os.O_RDONLY)
    BY_HANDLE[way](fd, source)
    os.close(source)
    print(name, "open", oct(os.fstat(fd).st_mode & 0o7777))
    os.close(fd)


if sys.argv[1] != "names" and int(sys.argv[1]) != 0:
    os.setgroups([])
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
for name in names():
    if sys.argv[1] == "names":
        print(name)
        continue
    try:
        change(sys.argv[2], name)
        print(name, oct(os.stat(os.path.join(sys.argv[2], name)).st_mode & 0o7777))
    except OSError as e:
        print(name, errno.errorcode[e.errno])
