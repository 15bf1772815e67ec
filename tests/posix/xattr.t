#!/bin/bash
# Extended attributes: they are set, got, listed and removed; who may, and which times they move.
. "$(dirname "$0")/posix.sh"

test_attributes_are_set_got_and_removed() {
	touch f
	mkdir d
	calls 0 text 0 ENODATA -- setxattr f user.a text : getxattr f user.a : removexattr f user.a : getxattr f user.a
	calls 0 text 0 ENODATA -- setxattr d user.a text : getxattr d user.a : removexattr d user.a : removexattr d user.a
}

test_create_and_replace() {
	touch f
	setfattr -n user.a -v 1 f
	setfattr -n user.a -v 2 f
	expect value 2 "$(getfattr --only-values -n user.a f)"
	calls ENODATA -- removexattr f user.b
}

test_all_are_listed_and_survive_writes() {
	touch f
	setfattr -n user.b -v 2 f
	setfattr -n user.a -v 1 f
	echo more >>f
	expect list "user.a user.b" "$(getfattr f | sed -n 's/^user/user/p' | sort | paste -sd' ')"
}

test_they_move_ctime_alone() {
	touch f
	moves ctime_ns f ok setxattr f user.a x
	stays mtime_ns f ok setxattr f user.a y
}

test_links_have_none() {
	ln -s nowhere l
	expect_error "Operation not permitted" setfattr -h -n user.a -v x l
}

test_who_may() {
	echo x >f
	chmod 644 f
	setfattr -n user.a -v x f
	calls EACCES x -- -u 100 setxattr f user.a y : getxattr f user.a
	chmod 600 f
	calls EACCES -- -u 100 getxattr f user.a
}

test_errors_of_the_path() {
	touch f
	calls ENOENT ENOTDIR ENOENT -- setxattr no user.a x : setxattr f/x user.a x : getxattr no user.a
}

run_posix_tests
