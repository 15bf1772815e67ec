#!/bin/bash
# Hard links and device files: a key has one name, and a value is bytes. What the kernel finds wrong
# before that comes first.
. "$(dirname "$0")/posix.sh"

test_link_is_refused() {
	on_the_mount
	touch f
	calls EPERM -- link f g
	calls ENOENT -- lstat g mode
	expect_field f nlink 1
}

test_link_works() {
	on_a_local_disk
	touch f
	ok link f g
}

test_errors_of_link_come_first() {
	touch f g
	mkdir d
	calls ENOENT EEXIST ENOTDIR EPERM ENOENT -- link no g2 : link f g : link f f/x : link d e : link f no/x
	chmod 700 d
	calls EACCES -- -u 100 link f d/x
}

test_device_files_are_refused() {
	on_the_mount
	calls EPERM EPERM EPERM -- mknod b b 0644 : mknod c c 0644 : mkfifo p 0644
	expect "nothing was made" "" "$(ls)"
}

test_a_regular_file_by_mknod() {
	ok -m 022 mknod f f 0666
	expect_field f type,mode,size regular,0644,0
}

test_errors_of_mknod_come_first() {
	touch f
	mkdir d
	calls EEXIST ENOENT ENOTDIR EEXIST -- mkfifo f 0644 : mkfifo no/p 0644 : mkfifo f/p 0644 : mknod f f 0644
	calls EACCES -- -u 100 mkfifo d/p 0644
}

run_posix_tests
