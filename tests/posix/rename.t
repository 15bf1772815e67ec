#!/bin/bash
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

test_noreplace() {
	echo a >f
	echo b >g
	mkdir d
	calls EEXIST EEXIST 0 -- rename2 f g NOREPLACE : rename2 f d NOREPLACE : rename2 f h NOREPLACE
	expect content a "$(cat h)"
	expect content b "$(cat g)"
}

# Two changes of two keys that no layer makes in one step; mv --exchange is rare.
test_exchange_is_refused() {
	on_the_mount
	echo a >f
	echo b >g
	calls EINVAL -- rename2 f g EXCHANGE
	expect contents "a b" "$(cat f) $(cat g)"
}

test_exchange() {
	on_a_local_disk
	echo a >f
	echo b >g
	local inos
	inos="$(field f ino) $(field g ino)"
	ok rename2 f g EXCHANGE
	expect contents "b a" "$(cat f) $(cat g)"
	expect inodes "$inos" "$(field g ino) $(field f ino)"
	calls ENOENT ENOENT -- rename2 f no EXCHANGE : rename2 no f EXCHANGE
}

test_exchange_of_directories_and_mixed() {
	on_a_local_disk
	mkdir d e
	echo a >d/a
	echo b >e/b
	ok rename2 d e EXCHANGE
	test -e d/b && test -e e/a
	echo c >f
	ok rename2 f d EXCHANGE
	expect content c "$(cat d)"
	test -e f/b
}

test_unknown_flags_are_refused() {
	touch f
	calls EINVAL -- rename2 f g NOREPLACE,EXCHANGE
}

test_renaming_moves_the_times_of_both_directories() {
	mkdir d e
	touch d/f
	moves mtime_ns,ctime_ns d ok rename d/f e/f
	moves mtime_ns,ctime_ns e ok rename e/f d/f
	stays mtime_ns,ctime_ns d calls ENOENT -- rename d/no d/f
}

test_errors_of_the_path() {
	touch f
	ln -s a b
	ln -s b a
	local n
	n=$(printf 'n%.0s' {1..256})
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
