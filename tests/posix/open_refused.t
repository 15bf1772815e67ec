#!/bin/bash
# What open refuses, and with which error.
. "$(dirname "$0")/posix.sh"

test_enoent() {
	calls ENOENT ENOENT -- open nothing O_RDONLY : open no/f O_CREAT,O_WRONLY 0644
}

test_enotdir() {
	touch f
	calls ENOTDIR ENOTDIR ENOTDIR -- open f/x O_RDONLY : open f/x O_CREAT,O_WRONLY 0644 : \
		open f O_RDONLY,O_DIRECTORY
}

test_eisdir() {
	mkdir d
	calls EISDIR EISDIR EISDIR 0 -- open d O_WRONLY : open d O_RDWR : open d O_RDONLY,O_TRUNC : open d O_RDONLY
	calls EISDIR -- open d O_CREAT,O_WRONLY 0644
}

test_eloop() {
	ln -s a b
	ln -s b a
	touch f
	ln -s f l
	calls ELOOP ELOOP -- open a O_RDONLY : open l O_RDONLY,O_NOFOLLOW
}

test_a_name_of_255_bytes_and_not_of_256() {
	local n
	n=$(printf 'n%.0s' {1..255})
	ok open "$n" O_CREAT,O_WRONLY 0644 : unlink "$n"
	calls ENAMETOOLONG ENAMETOOLONG -- open "${n}n" O_CREAT,O_WRONLY 0644 : open "${n}n" O_RDONLY
}

test_eacces_by_the_mode_of_the_file() {
	echo x >f
	chmod 0640 f
	chown 100:200 f
	calls 0 0 -- -u 100 -g 100 open f O_RDONLY : open f O_RDWR
	calls 0 EACCES -- -u 101 -g 200 open f O_RDONLY : open f O_WRONLY
	calls EACCES EACCES -- -u 101 -g 201 open f O_RDONLY : open f O_WRONLY
	chmod 0006 f
	calls EACCES -- -u 100 -g 100 open f O_RDONLY
	calls EACCES -- -u 101 -g 200 open f O_RDONLY
	calls 0 0 -- -u 101 -g 201 open f O_RDWR : open f O_WRONLY,O_TRUNC
}

test_eacces_by_the_mode_of_the_directory() {
	mkdir d
	echo x >d/f
	chmod 666 d/f
	chmod 0700 d
	calls EACCES EACCES -- -u 100 open d/f O_RDONLY : open d/g O_CREAT,O_WRONLY 0644
	chmod 0755 d
	calls 0 EACCES -- -u 100 open d/f O_RDWR : open d/g O_CREAT,O_WRONLY 0644
	chmod 0757 d
	ok -u 100 open d/g O_CREAT,O_WRONLY 0644
}

test_o_tmpfile_is_refused_or_works() {
	local got
	got=$("$SYS" open . O_TMPFILE,O_RDWR 0644)
	[[ $got = 0 || $got = EOPNOTSUPP ]] || fail "O_TMPFILE: $got"
}

run_posix_tests
