#!/bin/bash
# chmod: bits, times, and who may.
. "$(dirname "$0")/posix.sh"

test_every_bit_is_kept() {
	touch f
	mkdir d
	local mode
	for mode in 0 0111 0222 0444 0640 0755 0777 04755 02755 01777 07777; do
		ok chmod f "$mode" : chmod d "$mode"
		expect_field f mode "$(printf '0%o' "$mode")"
		expect_field d mode "$(printf '0%o' "$mode")"
	done
}

test_it_moves_ctime_alone() {
	touch f
	mkdir d
	moves ctime_ns f ok chmod f 0600
	stays mtime_ns f ok chmod f 0640
	moves ctime_ns d ok chmod d 0700
	stays mtime_ns d ok chmod d 0755
}

test_it_follows_links() {
	touch f
	ln -s f l
	ok chmod l 0600
	expect_field f mode 0600
}

test_an_open_file() {
	calls 0 0 0600 -- open f O_CREAT,O_RDWR 0644 : fchmod 0 0600 : fstat 0 mode
	expect_field f mode 0600
}

test_eperm_for_all_but_the_owner() {
	touch f
	chown 100:100 f
	calls EPERM -- -u 101 chmod f 0777
	stays ctime_ns f calls EPERM -- -u 101 chmod f 0777
	ok -u 100 chmod f 0600
}

test_errors_of_the_path() {
	touch f
	ln -s a b
	ln -s b a
	calls ENOENT ENOTDIR ELOOP -- chmod no 0644 : chmod f/x 0644 : chmod a 0644
}

test_setgid_is_dropped_by_an_owner_outside_of_the_group() {
	touch f
	chown 100:300 f
	ok -u 100 -g 100 chmod f 02755
	expect_field f mode 0755
	ok -u 100 -g 100,300 chmod f 02755
	expect_field f mode 02755
}

test_a_strangers_write_clears_the_set_id_bits() {
	touch f
	chown 100:100 f
	chmod 06777 f
	calls 0 0 0 -- -u 101 open f O_WRONLY : write 0 x : close 0
	expect_field f mode 0777
}

test_roots_write_keeps_them() {
	touch f
	chmod 06777 f
	calls 0 0 0 -- open f O_WRONLY : write 0 x : close 0
	expect_field f mode 06777
}

test_a_mode_counts_at_once_for_everybody() {
	echo x >f
	chmod 0644 f
	calls 0 -- -u 100 open f O_RDONLY
	chmod 0600 f
	calls EACCES -- -u 100 open f O_RDONLY
	chmod 0604 f
	calls 0 -- -u 100 open f O_RDONLY
}

run_posix_tests
