#!/bin/bash
# A listing of a directory is complete, in order, and shows each name once.
. "$(dirname "$0")/../lib.sh"

test_a_directory_is_listed_completely() {
	mount_stack
	mkdir "$MNT/d"
	local i
	for ((i = 0; i < 1500; i++)); do
		: >"$MNT/d/k$i"
	done
	expect "number of names" 1500 "$(ls -A "$MNT/d" | sort -u | wc -l)"
	expect "number of names, with repetitions" 1500 "$(ls -A "$MNT/d" | wc -l)"
	expect "long listing" 1500 "$(ls -lA "$MNT/d" | grep -c k)"
	restart_daemon
	expect "number of names after a restart" 1500 "$(ls -A "$MNT/d" | sort -u | wc -l)"
}

test_a_listing_shows_types() {
	mount_stack
	mkdir "$MNT/d"
	set_value d/below value
	set_value k value
	ln -s k "$MNT/l"
	expect types "d/ k l@" "$(ls -F "$MNT" | paste -sd' ')"
	expect "types by find" "d d f k l l" "$(find "$MNT" -mindepth 1 -maxdepth 1 -printf '%y %f\n' | sort | paste -sd' ')"
}

test_names_that_sort_around_a_slash_are_listed_once() {
	mount_stack
	mkdir "$MNT/a" "$MNT/a0" "$MNT/a-"
	set_value a/k v
	set_value a-/k v
	set_value a0/k v
	set_value 'a!' v
	set_value a.txt v
	set_value ab v
	expect names "a a! a- a.txt a0 ab" "$(ls -A "$MNT" | sort | paste -sd' ')"
	restart_daemon
	expect "names after a restart" "a a! a- a.txt a0 ab" "$(ls -A "$MNT" | sort | paste -sd' ')"
}

test_keys_may_be_removed_while_they_are_listed() {
	mount_stack
	mkdir "$MNT/d"
	local i
	for ((i = 0; i < 700; i++)); do
		: >"$MNT/d/k$i"
	done
	find "$MNT/d" -type f -delete
	expect_list d ""
}

test_a_listing_shows_a_new_key_at_once() {
	mount_stack
	ls "$MNT" >/dev/null
	set_value k value
	expect_list "" k
	rm "$MNT/k"
	expect_list "" ""
}

test_parent_times_move_with_create_unlink_and_rename() {
	mount_stack
	mkdir "$MNT/d"
	local before after step
	for step in 'touch $MNT/d/k' 'mv $MNT/d/k $MNT/d/k2' 'rm $MNT/d/k2' 'mkdir $MNT/d/s'; do
		before=$(stat -c %.9Y "$MNT/d")
		eval "$step"
		after=$(stat -c %.9Y "$MNT/d")
		[[ $after > $before ]] || fail "$step: mtime $before, then $after"
	done
}

run_tests
