#!/bin/bash
# The flags of rename: NOREPLACE and EXCHANGE.
. "$(dirname "$0")/posix.sh"

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

run_posix_tests
