"""What telldir(3) said of a name leads behind that name, whatever happens in between: seekdir.py DIR CHANGE COUNT

DIR has COUNT keys. In one open directory: reads to the middle, remembers the place, lets CHANGE happen, goes back to
the place (or just reads on), and looks whether every key that stayed comes exactly once: before the place or behind.
"""
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)


class dirent(ctypes.Structure):
    _fields_ = [
        ("ino", ctypes.c_uint64),
        ("off", ctypes.c_int64),
        ("reclen", ctypes.c_ushort),
        ("type", ctypes.c_ubyte),
        ("name", ctypes.c_char * 256),
    ]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(dirent)
libc.telldir.restype = ctypes.c_long
libc.telldir.argtypes = libc.readdir.argtypes = libc.rewinddir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


def read(stream, most=None):
    names = []
    while most is None or len(names) < most:
        entry = libc.readdir(stream)
        if not entry:
            break
        name = entry.contents.name.decode()
        if name not in (".", ".."):
            names.append(name)
    return names


def main(path, change, count):
    stream = libc.opendir(path.encode())
    names = read(stream)
    assert sorted(names) == sorted(os.listdir(path)), "the whole listing"
    assert len(names) == int(count), "the number of names"
    middle = len(names) // 2
    libc.rewinddir(stream)
    before = read(stream, middle)
    place = libc.telldir(stream)
    last = before[-1]
    rewinds = change.endswith("-rewind")
    kind = change.removesuffix("-rewind")
    gone = set()
    if kind == "removed":  # of those before and those behind
        gone = set(before[:-1:2]) | set(names[middle + 1 :: 3])
    elif kind == "self":  # the very one that the place is behind
        gone = {last, before[0]}
    elif kind == "added":
        for name in names[::2]:
            open(f"{path}/{name}-", "w").close()
    elif kind == "pending":  # what is not closed yet, and what has been closed since
        held = [open(f"{path}/{name}", "w") for name in names[::5]]
    for name in gone:
        os.unlink(f"{path}/{name}")
    if kind == "both":
        gone = set(before[:-1:2])
        for name in gone:
            os.unlink(f"{path}/{name}")
            open(f"{path}/{name}-new", "w").close()
    if rewinds:
        libc.rewinddir(stream)
        read(stream, 3)
        libc.seekdir(stream, place)
        assert libc.telldir(stream) == place, "telldir behind seekdir"
    behind = read(stream)
    got = before + behind
    for name in names:
        assert got.count(name) <= 1, f"{name} comes {got.count(name)} times"
        assert got.count(name) == 1 or name in gone, f"{name} is missing"
    libc.closedir(stream)


main(*sys.argv[1:])
