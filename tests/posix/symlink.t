#!/bin/bash
# Symbolic links: targets, types, times and errors.
. "$(dirname "$0")/posix.sh"

test_a_link_keeps_its_target_byte_by_byte() {
	ok symlink 'no where/%x[*]' l
	expect target 'no where/%x[*]' "$("$SYS" readlink l)"
	expect_field l type,size symlink,14
}

test_a_link_belongs_to_its_maker() {
	chmod 777 .
	ok -u 100 -g 200 symlink t l
	expect_field l uid,gid,mode 100,200,0777
}

test_setgid_directories_pass_their_group_on() {
	mkdir d
	chown 0:300 d
	chmod 2777 d
	ok -u 100 -g 200 symlink t d/l : symlink t d/l.tmp
	expect_field d/l uid,gid 100,300
	expect_field d/l.tmp uid,gid 100,300
}

test_a_target_of_4095_bytes() {
	local t
	t=$(printf 'a%.0s' {1..254})/
	t=$(for i in {1..16}; do printf %s "$t"; done)$(printf 'b%.0s' {1..15})
	expect length 4095 "${#t}"
	ok symlink "$t" l
	expect target "$t" "$("$SYS" readlink l)"
	calls ENAMETOOLONG -- symlink "${t}x" m
}

test_eexist() {
	touch f
	mkdir d
	ln -s x l
	calls EEXIST EEXIST EEXIST -- symlink t f : symlink t d : symlink t l
}

test_errors_of_the_path() {
	touch f
	calls ENOENT ENOTDIR ENOENT -- symlink t no/l : symlink t f/l : symlink '' l
}

test_eacces() {
	mkdir d
	calls EACCES -- -u 100 symlink t d/l
}

test_making_a_link_moves_the_times_of_its_directory() {
	mkdir d
	moves mtime_ns,ctime_ns d ok symlink t d/l
}

test_readlink_of_what_is_no_link() {
	touch f
	mkdir d
	calls EINVAL EINVAL ENOENT ENOTDIR -- readlink f : readlink d : readlink no : readlink f/x
}

test_links_lead_through_directories() {
	mkdir -p d/e
	echo x >d/e/f
	ln -s d/e l
	ln -s ../f d/up
	echo up >f
	expect through x "$(cat l/f)"
	expect up up "$(cat d/up)"
	calls 0 -- open l/new O_CREAT,O_WRONLY 0644
	test -e d/e/new
}

test_a_dangling_link_creates_its_target() {
	ln -s target l
	ok open l O_CREAT,O_WRONLY 0644
	expect_field target type regular
}

run_posix_tests
