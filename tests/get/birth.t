#!/bin/bash
# The birth time of statx(2) is when a key was made. The kernel asks for it since 6.6.
. "$(dirname "$0")/../lib.sh"

kernel_asks() {
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	((major > 6 || (major == 6 && minor >= 6))) || skip "the kernel does not ask for birth times"
}

birth() {
	stat -c %.3W "$MNT/$1"
}

expect_birth_is_created() {
	expect "birth of $1" "$(get_xattr "$1" user.cachefs.created)" "$(birth "$1")"
}

test_the_birth_time_is_when_the_value_was_set() {
	kernel_asks
	mount_stack
	set_value k one
	expect_birth_is_created k
	local before
	before=$(birth k)
	[[ $before = [1-9]*.* ]] || fail "birth: $before"
	echo more >>"$MNT/k"
	chmod 600 "$MNT/k"
	mv "$MNT/k" "$MNT/l"
	expect "birth after changes" "$before" "$(birth l)"
	ln -s l "$MNT/link"
	[[ $(birth link) = [1-9]*.* ]] || fail "birth of a link: $(birth link)"
	restart_daemon
	expect "birth after a restart" "$before" "$(birth l)"
}

test_every_set_is_a_birth_at_once() {
	kernel_asks
	mount_stack
	local i
	for i in {1..20}; do
		set_value k "$i"
		expect_birth_is_created k
		expect_value k "$i"
		echo "$i" >"$MNT/k.tmp"
		mv "$MNT/k.tmp" "$MNT/k"
		expect_birth_is_created k
	done
}

test_what_is_looked_at_before_its_birth_shows_it_afterwards() {
	kernel_asks
	mount_stack
	open_writer w k
	expect "birth of what is pending" 0 "$(stat -c %W "$MNT/k")"
	tell w write x
	expect "size of what is pending" 1 "$(stat -c %s "$MNT/k")"
	tell w close
	expect_birth_is_created k
	expect "size, mode, type" "1 644 regular file" "$(stat -c '%s %a %F' "$MNT/k")"
}

test_a_directory_is_born_with_its_marker() {
	kernel_asks
	mount_stack
	mkdir "$MNT/d"
	local before
	before=$(birth d)
	[[ $before = [1-9]*.* ]] || fail "birth of a directory: $before"
	touch "$MNT/d/k"
	restart_daemon
	expect "birth after a restart" "$before" "$(birth d)"
	stat "$MNT" "$MNT/.cachefs/stats.json" >/dev/null
}

run_tests
