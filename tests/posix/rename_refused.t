#!/bin/bash
# Which renames are refused, and which times a rename moves.
. "$(dirname "$0")/posix.sh"

test_renaming_moves_the_times_of_both_directories() {
	mkdir d e
	touch d/f
	moves mtime_ns,ctime_ns d ok rename d/f e/f
	moves mtime_ns,ctime_ns e ok rename e/f d/f
	stays mtime_ns,ctime_ns d calls ENOENT -- rename d/no d/f
}

test_errors_of_the_path() {
	make_wrong_paths
	calls ENOENT ENOENT ENOTDIR ENOTDIR ELOOP ENAMETOOLONG ENAMETOOLONG -- rename no g : rename f no/g : \
		rename f/x g : rename f f/x : rename a/x g : rename "$n" g : rename f "$n"
	test -e f
}

test_eacces() {
	mkdir d e
	touch d/f
	chown 100 d/f d
	calls EACCES -- -u 100 rename d/f e/f
	chmod 777 e
	ok -u 100 rename d/f e/f
	chmod 555 e
	calls EACCES -- -u 100 rename e/f d/f
}

test_the_sticky_bit_protects_source_and_target() {
	mkdir d e
	chmod 1777 d e
	touch d/a e/b
	chown 100 d/a
	chown 101 e/b
	calls EPERM -- -u 100 rename d/a e/b
	calls EPERM -- -u 102 rename d/a e/c
	ok -u 100 rename d/a e/c
}

run_posix_tests
