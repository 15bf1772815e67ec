#!/bin/bash
# rename moves files, links and directories with all they have.
. "$(dirname "$0")/posix.sh"

test_a_file_is_moved_with_all_it_has() {
	echo text >f
	chmod 0640 f
	chown 100:200 f
	touch -d @1000000000.5 f
	setfattr -n user.a -v b f
	local ino
	ino=$(field f ino)
	ok rename f g
	expect_field g mode,uid,gid,size,mtime_ns 0640,100,200,5,1000000000.500000000
	expect_field g ino "$ino"
	expect xattr b "$(getfattr --only-values -n user.a g)"
	expect content text "$(cat g)"
	calls ENOENT -- lstat f mode
}

test_over_an_existing_file() {
	echo new >f
	echo old >g
	local ino
	ino=$(field f ino)
	calls 0 0 old -- open g O_RDONLY : rename f g : pread 0 0 3
	expect content new "$(cat g)"
	expect_field g ino "$ino"
}

test_an_open_file_goes_on_under_its_new_name() {
	calls 0 0 0 0 0 -- open f O_CREAT,O_RDWR 0644 : write 0 ab : rename f g : write 0 cd : close 0
	expect content abcd "$(cat g)"
	calls ENOENT -- lstat f mode
}

test_a_directory_is_moved_with_what_is_below() {
	mkdir -p d/e
	echo x >d/e/f
	ln -s f d/e/l
	chmod 0710 d
	ok rename d g
	expect_field g mode 0710
	expect content x "$(cat g/e/f)"
	expect target f "$(readlink g/e/l)"
	calls ENOENT ENOENT -- lstat d mode : lstat d/e/f mode
}

test_a_directory_over_an_empty_one() {
	mkdir d e
	touch d/f
	ok rename d e
	test -e e/f
	calls ENOENT -- lstat d mode
}

test_a_directory_over_one_that_is_not_empty() {
	mkdir d e
	touch d/f e/g
	calls '*' -- rename d e
	[[ $("$SYS" rename d e) =~ ^(ENOTEMPTY|EEXIST)$ ]]
	test -e d/f && test -e e/g
}

test_a_file_over_a_directory_and_the_reverse() {
	mkdir d
	touch f
	calls EISDIR ENOTDIR -- rename f d : rename d f
}

test_a_directory_into_itself() {
	mkdir -p d/e
	calls EINVAL EINVAL EINVAL -- rename d d/x : rename d d/e : rename d d/e/x
	calls '*' -- rename d/e d
}

test_to_itself_changes_nothing() {
	echo text >f
	mkdir d
	stays mtime_ns f ok rename f f
	ok rename d d
	expect content text "$(cat f)"
}

test_across_prefixes_with_special_characters() {
	mkdir 'a%b' 'a_b' 'a*b'
	echo 1 >'a%b/[x]?'
	ok rename 'a%b/[x]?' 'a_b/%'
	ok rename a_b 'a*b/in'
	expect content 1 "$(cat 'a*b/in/%')"
}

test_a_symlink_is_moved_and_not_its_target() {
	echo x >f
	ln -s f l
	ok rename l m
	expect target f "$(readlink m)"
	test -e f
}

run_posix_tests
