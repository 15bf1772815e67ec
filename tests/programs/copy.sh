# Words for tests of programs that copy trees. They look whether a directory is empty by rmdir, hence
# "empty_only".

mount_and_make_source() {
	mount_for_programs
	mkdir -p src/deep/er "src/with space"
	printf 'text\n' >src/plain
	printf 'a\0b' >"src/with space/binary"
	: >src/deep/empty
	head -c 300000 /dev/urandom >src/deep/er/large
	ln -s ../plain src/deep/link
	ln -s nowhere src/dangling
	chmod 640 src/plain
	chmod 755 src/deep/er/large
	chmod 2750 src/deep
	touch -d '2001-02-03 04:05:06.789012345' src/plain
	touch -d '2050-01-02 03:04:05.5' src/deep/er/large
	touch -h -d '1999-12-31 23:59:59' src/dangling src/deep/link
	touch -d '2002-02-02 02:02:02.2' src/deep/empty "src/with space/binary" src/deep/er src/deep "src/with space" src
}

# Every name with type, mode, owner, size of files, target and time; what a copy keeps.
manifest() {
	(cd "$1" && find . \( -type d -printf '%P d %m %U:%G %t\n' \) -o -printf '%P %y %m %U:%G %s %l %t\n' | sort)
}

expect_same_tree() {
	diff -r --no-dereference "$1" "$2" || fail "content differs: $1 $2"
	diff <(manifest "$1") <(manifest "$2") || fail "metadata differ: $1 $2"
}

give_attributes() {
	setfattr -n user.note -v "kept" "$1/plain"
	setfattr -n user.binary -v 0x00ff0a "$1/deep/er/large"
}

expect_attributes() {
	expect user.note kept "$(getfattr --only-values -n user.note "$1/plain")"
	expect user.binary 'user.binary=0x00ff0a' \
		"$(getfattr -e hex -n user.binary "$1/deep/er/large" 2>/dev/null | grep =)"
}

# TTLs are set before the copy; the copy's is what remained.
expect_ttl_about() {
	local ttl
	ttl=$(getfattr --only-values -n user.cachefs.ttl "$1")
	((${ttl%.*} > $2 - 200 && ${ttl%.*} <= $2)) || fail "TTL of $1: $ttl, expected about $2"
}
