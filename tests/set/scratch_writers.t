#!/bin/bash
# Who writes to a file that a rename gives a temporary name, or takes one from, goes on writing to it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

test_a_key_that_is_being_written_gets_a_temporary_name() {
	mount_stack
	open_writer w k
	tell w write first
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp first
	expect_absent k
	tell w write second
	tell w close
	expect_value k.tmp firstsecond
	expect_layers_untouched
}

# A set of the key, begun before, that is closed after the move: the name then has that file.
move_under_two_writers() {
	mount_stack
	set_value k "as it was"
	open_writer setter k w,trunc
	tell setter write new
	open_writer other k rw
	tell other write AS
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp "AS it was"
	expect "size" 9 "$(stat -c %s "$MNT/k.tmp")"
}

size_is() {
	[[ $(stat -c %s "$MNT/$1") = "$2" ]]
}

# Nothing is opened before stat has told its size.
expect_temporary_file() {
	wait_until 10 size_is k.tmp ${#1}
	expect_value k.tmp "$1"
	expect "listed" "$(stat -c %i "$MNT/k.tmp")" "$(ls -i "$MNT" | awk '/k.tmp/ { print $1 }')"
}

test_a_set_that_is_closed_after_the_move_is_what_the_temporary_name_shows() {
	move_under_two_writers
	tell other close
	expect "size" 9 "$(stat -c %s "$MNT/k.tmp")"
	tell setter close
	expect_temporary_file new
	rm "$MNT/k.tmp"
	expect_list . ""
}

test_the_last_of_two_closes_after_the_move_is_what_the_temporary_name_shows() {
	move_under_two_writers
	tell setter close
	expect_temporary_file new
	tell other write IS
	tell other close
	expect_temporary_file "ASISt was"
	rm "$MNT/k.tmp"
	expect_list . ""
}

# What its killed writer left is withheld from the key; under a temporary name it is a file.
test_what_a_killed_writer_left_can_be_moved_to_a_temporary_name_and_back() {
	mount_stack
	open_writer killed k w,creat
	open_writer other k rw
	tell killed write half
	kill_hand killed KILL
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp half
	mv "$MNT/k.tmp" "$MNT/k2"
	expect_value k2 half
	tell other close
	expect_list . k2
}

test_a_writer_follows_its_file_to_the_real_name() {
	mount_stack
	open_writer w k.part
	tell w write first
	mv "$MNT/k.part" "$MNT/k"
	expect_value k first
	tell w write second
	tell w close
	expect_value k firstsecond
	restart_daemon
	expect_value k firstsecond
}

run_tests
