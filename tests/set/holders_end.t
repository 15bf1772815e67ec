#!/bin/bash
# A close tells the opener what became of the set; fsync, append, rename and unlink work on what is held back.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/holders.sh"

test_the_openers_close_tells_whether_what_its_child_wrote_is_stored() {
	mount_small
	program <<-'END'
		fd = create()
		child(lambda: os.write(fd, b"x" * 99998))
		try:
		    os.close(fd)
		except OSError:
		    sys.exit(0)
		assert False, "a value larger than the layer was taken"
	END
	expect_value k old
}

test_fsync_shows_what_is_held_back() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		expect_value k old
		python3 -ES -c 'import os; os.fsync(1)'
		expect_value k part1
		/bin/echo part2
		expect_value k part1
	) >"$MNT/k"
	expect_value k $'part1\npart2'
}

test_an_appender_sets_at_each_close_of_a_descriptor() {
	mount_stack
	exec 3>>"$MNT/log"
	/bin/echo a >&3
	expect_value log a
	echo b >&3
	expect_value log $'a\nb'
	(
		/bin/echo c
		expect_value log $'a\nb\nc'
	) >&3
	exec 3>&-
	expect_value log $'a\nb\nc'
}

test_what_is_held_back_follows_a_rename() {
	mount_stack
	(
		/bin/echo part1
		mv "$MNT/k" "$MNT/other"
		/bin/echo part2
		expect_miss other
	) >"$MNT/k"
	expect_value other $'part1\npart2'
	expect_absent k
}

test_what_is_held_back_is_dropped_by_an_unlink() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		rm "$MNT/k"
		/bin/echo part2
	) >"$MNT/k"
	expect_absent k
}

test_a_handle_that_is_gone_has_set_what_it_held_back_whoever_else_writes() {
	mount_stack
	program <<-'END'
		one, two = os.open(path, os.O_WRONLY), os.open(path, os.O_WRONLY)
		copy = os.dup(two) # one more than there are other handles
		child(lambda: os.write(one, b"new"))
		expect("old")
		os.close(one)
		expect("new")
	END
}

run_tests
