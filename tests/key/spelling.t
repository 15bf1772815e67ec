#!/bin/bash
# Every byte but the slash may be in a key. LAYERS: another stack to run it over.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/spelling.sh"

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

run_tests
