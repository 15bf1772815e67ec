#!/bin/bash
# What may be a key, and what is too long. LAYERS: another stack to run it over.
. "$(dirname "$0")/../lib.sh"

LAYERS=${LAYERS:-'[{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}]'}

mount_layers() {
	# Names that end in ~ are temporary by default.
	mount_with "{\"layers\": $LAYERS, \"cachefs\": {\"scratch_names\": []}}"
}

# Whether what was stored is there after a restart.
is_durable() {
	[[ $LAYERS =~ disk|file|redis ]]
}

# python CODE: with the words of words.py.
python() {
	MNT=$MNT PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests/key python3 -c "from words import *
$1"
}

every_byte='
values = {}
for b in range(1, 256):
    if b == 47: continue
    for name in bytes([b]), b"x" + bytes([b]), bytes([b]) + b"x", bytes([b]) * 255:
        if name not in (b".", b"..") and name not in values: values[name] = b"value of " + name
values[bytes([i for i in range(1, 256) if i not in (46, 47)])] = b"all"
'

test_every_byte_but_the_slash_makes_a_name() {
	mount_layers
	mkdir "$MNT/d"
	python "$every_byte"'
for name, value in values.items(): put(m + b"/d/" + name, value)
assert names(m + b"/d") == sorted(values), set(values) ^ set(os.listdir(m + b"/d"))
for name, value in values.items(): assert get(m + b"/d/" + name) == value, name
'
	is_durable || return 0
	restart_daemon
	python "$every_byte"'
assert names(m + b"/d") == sorted(values)
for name, value in values.items(): assert get(m + b"/d/" + name) == value, name
for name in values: os.unlink(m + b"/d/" + name)
assert os.listdir(m + b"/d") == []
'
}

test_every_byte_makes_a_directory() {
	mount_layers
	python "$every_byte"'
for name in values:
    os.mkdir(m + b"/" + name)
    put(m + b"/" + name + b"/k", name)
assert names(m) == sorted(values)
for name in values: assert get(m + b"/" + name + b"/k") == name
for name in values: os.rename(m + b"/" + name, m + b"/moved"); os.rename(m + b"/moved", m + b"/" + name)
for name in values: assert get(m + b"/" + name + b"/k") == name
for name in values: os.rmdir(m + b"/" + name)
assert os.listdir(m) == []
'
}

test_names_that_look_like_escapes_are_names() {
	mount_layers
	mkdir "$MNT/d" "$MNT/%{self}"
	local name
	for name in '100%' '%2F' '%{self}' '%{zz}' '%{' '%{2e2e}' '%{61}' "%{$(printf '41%.0s' {1..96})~$(printf '00%.0s' {1..16})}"; do
		set_value "d/$name" "$name"
		set_value "%{self}/$name" "$name"
		expect_value "d/$name" "$name"
	done
	expect "number of names" "8 8" "$(ls "$MNT/d" | wc -l) $(ls "$MNT/%{self}" | wc -l)"
	mv "$MNT/d/%{self}" "$MNT/d/%{zz}"
	expect_value 'd/%{zz}' '%{self}'
	mv "$MNT/d/%{zz}" "$MNT/d/%{self}"
	for name in '100%' '%2F' '%{self}' '%{' '%{2e2e}' '%{61}'; do
		rm "$MNT/d/$name"
		expect_absent "d/$name"
	done
}

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
