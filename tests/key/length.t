#!/bin/bash
# How long a key may be. LAYERS: another stack to run it over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/spelling.sh"

test_a_name_of_more_than_255_bytes_is_too_long() {
	mount_layers
	python '
good, bad = m + b"/" + b"n" * 255, m + b"/" + b"n" * 256
put(good, b"value")
os.mkdir(m + b"/d")
for call, arguments in ((os.stat, (bad,)), (put, (bad, b"")), (get, (bad,)), (os.mkdir, (bad,)), (os.rmdir, (bad,)),
        (os.unlink, (bad,)), (os.symlink, ("x", bad)), (os.rename, (good, bad)), (os.rename, (bad, good)),
        (os.rename, (m + b"/d", bad)), (os.listdir, (bad,))):
    fails(errno.ENAMETOOLONG, call, *arguments)
assert get(good) == b"value"
assert names(m) == [b"d", b"n" * 255]
'
}

test_a_key_of_4095_bytes_is_the_longest() {
	mount_layers
	python '
go_deep(4095 - 10)
put(b"0123456789", b"longest")
assert get(b"0123456789") == b"longest"
os.symlink("target", b"012345678s")
assert os.readlink(b"012345678s") == b"target"
os.mkdir(b"012345678d")
for name in b"0123456789x", b"012345678d/k":
    for call, arguments in ((put, (name, b"")), (os.stat, (name,)), (os.mkdir, (name,)), (os.symlink, ("x", name)),
            (os.rename, (b"0123456789", name)), (os.unlink, (name,))):
        fails(errno.ENAMETOOLONG, call, *arguments)
assert names(b".") == [b"0123456789", b"012345678d", b"012345678s"], os.listdir(b".")
os.rename(b"0123456789", b"short")
os.rename(b"short", b"0123456789")
assert get(b"0123456789") == b"longest"
'
	is_durable || return 0
	restart_daemon
	python '
go_deep(4095 - 10)
assert get(b"0123456789") == b"longest"
assert names(b".") == [b"0123456789", b"012345678d", b"012345678s"], os.listdir(b".")
os.unlink(b"0123456789")
os.chdir(m)
os.rmdir(b"p" * 255)
assert os.listdir(m) == []
'
}

test_a_renamed_directory_makes_no_key_too_long() {
	mount_layers
	python '
os.mkdir(m + b"/aa")
put(m + b"/aa/0", b"near")
os.chdir(m + b"/aa")
size = 2
while size + 256 <= 4095:
    os.mkdir(b"q" * 255); os.chdir(b"q" * 255); size += 256
rest = 4095 - size - 1
put(b"r" * rest, b"longest")
fails(errno.ENAMETOOLONG, os.rename, m + b"/aa", m + b"/aaa")
assert get(m + b"/aa/0") == b"near"
assert get(b"r" * rest) == b"longest"
os.rename(m + b"/aa", m + b"/b")
assert get(m + b"/b/0") == b"near"
os.chdir(m + b"/b")
for i in range(2, size, 256): os.chdir(b"q" * 255)
assert get(b"r" * rest) == b"longest"
os.rename(b"r" * rest, b"r" * (rest + 1) if rest < 255 else b"s" * rest)
'
}

run_tests
