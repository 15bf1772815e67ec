#!/bin/bash
# Who ends a set decides whether it was killed: not each process that had the file open.
. "$(dirname "$0")/../lib.sh"

# is_there FILE: a script's sign that it has come so far. The program that it goes on with gives it: one that bash
# has forked and that executes nothing yet takes a signal with bash's handler, and stays.
is_there() {
	[[ -e $TMP/$1 ]]
}

test_a_group_killed_by_one_signal_leaves_the_old_value() {
	mount_stack
	set_value k old
	local signal
	for signal in KILL TERM INT; do
		start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2"; /bin/echo part2 ) >"$1"' "$MNT/k" "$TMP/here"
		wait_until 60 is_there here
		kill_group "$signal"
		expect_value k old
		rm here
	done
}

# Children end by themselves all the time, and so just when the signal comes.
test_nor_do_children_that_end_at_that_moment_set_anything() {
	mount_stack
	set_value k old
	local i
	for ((i = 0; i < 25; i++)); do
		start_group 'while :; do /bin/echo part; : >"$2"; done >"$1"' "$MNT/k" "$TMP/here"
		wait_until 60 is_there here
		read -r -t "0.0$((RANDOM % 10))" -u "$NOTHING_COMES" || true
		kill_group KILL
		expect_value k old
		rm here
	done
}

# The kernel closes the descriptors of a child that it gives up making, in the name of its parent, which has not ended yet.
test_nor_does_a_fork_that_the_signal_interrupts() {
	mount_stack
	set_value k old
	timeout -k 1 170 python3 -ES - "$MNT/k" <<-'END'
		import os, random, signal, sys, time
		path = sys.argv[1]

		def victim(mode, tell):
		    os.setpgid(0, 0)
		    fd = os.open(path, mode | os.O_CREAT | os.O_TRUNC)
		    os.write(fd, b"half")
		    os.write(tell, b"x")
		    if os.fork() == 0:
		        os._exit(0)
		    while True:
		        signal.pause()

		for i in range(500):
		    read, write = os.pipe()
		    pid = os.fork()
		    if pid == 0:
		        victim(i % 2 and os.O_WRONLY or os.O_RDWR, write)
		    os.read(read, 1)
		    end = time.perf_counter() + random.random() * 0.0006
		    while time.perf_counter() < end:
		        pass
		    os.killpg(pid, signal.SIGKILL)
		    os.waitpid(pid, 0)
		    os.close(read)
		    os.close(write)
		    with open(path) as f:
		        got = f.read()
		    assert got == "old", f"{got!r} after {i} groups"
	END
}

test_a_key_that_a_killed_group_was_making_is_not_there() {
	mount_stack
	start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2" ) >"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	kill_group KILL
	expect_absent k
}

test_a_program_stopped_by_timeout_sets_nothing() {
	mount_stack
	set_value k old
	timeout -s KILL 0.3 "$BASH" -c '( /bin/echo part1; sleep 1000 ) >"$1"' _ "$MNT/k" || true
	expect_value k old
}

test_a_child_that_was_killed_does_not_matter_when_its_shell_goes_on() {
	mount_stack
	set_value k old
	(
		/bin/echo part1
		sh -c 'echo of a killed child; kill -9 $$' || true
		expect_value k old
		/bin/echo part2
	) >"$MNT/k" 2>/dev/null
	expect_value k $'part1\nof a killed child\npart2'
}

test_nor_when_it_had_written_nothing() {
	mount_stack
	(
		sh -c 'kill -9 $$' || true
	) >"$MNT/k" 2>/dev/null
	expect_value k ""
}

# start_orphan SCRIPT [FIRST]: of a subshell that is killed meanwhile, and has it open until it goes on.
start_orphan() {
	mkfifo go
	start_group '( echo "$BASHPID" >"$2/opener"; exec >"$1"; /bin/echo part1; '"${2:-:}"'
		( : >"$2/here"; read -r <"$2/go"; '"$1"'; : >"$2/done" ); : ) ; :' "$MNT/k" "$TMP"
	wait_until 60 is_there here
	kill -9 "$(<opener)"
	wait_until 60 has_ended "$(<opener)"
}

orphan_goes_on() {
	echo >go
	wait_until 60 is_there done
	await_group
}

test_nothing_is_set_when_the_opener_was_killed_whatever_its_children_do() {
	mount_stack
	set_value k old
	start_orphan '/bin/echo part2; echo part3'
	orphan_goes_on
	expect_value k old
}

test_nor_when_it_had_synced_all_that_it_wrote() {
	mount_stack
	set_value k old
	start_orphan '/bin/echo part2; echo part3' 'python3 -ES -c "import os; os.fsync(1)"'
	orphan_goes_on
	expect_value k part1
}

test_a_child_that_writes_on_is_told_that_nothing_is_set() {
	mount_stack
	set_value k old
	start_orphan 'python3 -ES -c "
import os
os.write(1, b\"part2\")
for call in os.fsync, os.close:
    try:
        call(1)
    except OSError:
        continue
    os.write(2, b\"it was not told\")
" 2>"$2/errors"'
	orphan_goes_on
	expect errors "" "$(<errors)"
	expect_value k old
}

# Without the close of its own that tells: only the last release is left.
test_the_last_release_sets_nothing_when_the_opener_was_killed() {
	mount_stack
	set_value k old
	open_writer w k
	tell w write half
	tell w fork
	kill_hand w KILL
	expect_value k old
}

test_a_child_killed_after_its_opener_has_ended_sets_nothing() {
	mount_stack
	set_value k old
	start_group '{ ( echo part1; : >"$2"; exec sleep 1000 ) & } >"$1"; while [[ ! -e $2 ]]; do :; done' \
		"$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	wait "$GROUP"
	expect_value k old
	kill_group KILL
	expect_value k old
}

test_what_a_killed_group_has_synced_stays() {
	mount_stack
	set_value k old
	start_group '( /bin/echo part1; python3 -ES -c "import os; os.fsync(1)"; /bin/echo part2; sh -c ": >\"\$0\"; exec sleep 1000" "$2"
		) >"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	kill_group KILL
	expect_value k part1
}

test_what_a_killed_appender_has_written_stays() {
	mount_stack
	set_value k "old "
	open_writer w k w,append
	tell w write whole
	kill_hand w KILL
	wait_until 20 grep -qx "old whole" "$MNT/k"
	start_group '( /bin/echo; /bin/echo a; sh -c ": >\"\$0\"; exec sleep 1000" "$2" ) >>"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	expect_value k $'old whole\na'
	kill_group KILL
	expect_value k $'old whole\na'
}

test_a_killed_appender_makes_a_key() {
	mount_stack
	open_writer w log w,creat,append
	tell w write whole
	kill_hand w KILL
	expect_value log whole
}

test_a_writer_in_place_that_was_killed_takes_nothing_of_another_with_it() {
	mount_stack
	set_value k "....."
	open_writer a k rw
	open_writer b k rw
	tell b pwrite 3 b
	tell a pwrite 1 a
	kill_hand a KILL
	expect_value k "....."
	tell b close
	expect_value k ".a.b."
}

test_a_key_that_a_killed_opener_was_making_is_not_there_while_its_child_holds_it() {
	mount_stack
	start_orphan /bin/echo
	expect_absent k
	orphan_goes_on
	expect_absent k
}

test_nobody_writes_on_what_a_killed_opener_left() {
	mount_stack
	start_orphan /bin/echo
	echo x >>"$MNT/k"
	expect_value k x
	orphan_goes_on
	expect_value k x
}

test_nor_on_what_it_left_behind_a_sync_or_in_place() {
	mount_stack
	local first
	for first in 'python3 -ES -c "import os; os.fsync(1)"; /bin/echo half' 'exec 1<>"$1"; /bin/echo half'; do
		start_orphan /bin/echo "$first"
		expect_value k part1
		echo x >>"$MNT/k"
		expect_value k $'part1\nx'
		orphan_goes_on
		expect_value k $'part1\nx'
		rm "$MNT/k" go here done opener
	done
}

test_a_key_that_a_killed_opener_was_making_can_be_made_anew() {
	mount_stack
	start_orphan /bin/echo
	(
		set -C
		echo x >"$MNT/k"
	)
	orphan_goes_on
	expect_value k x
}

test_what_is_done_to_the_old_entry_while_a_killed_openers_child_holds_the_new_one_stays() {
	mount_stack
	set_value k old
	start_orphan /bin/echo
	expect "the size" 3 "$(stat -c %s "$MNT/k")"
	chmod 600 "$MNT/k"
	setfattr -n user.foo -v b "$MNT/k"
	orphan_goes_on
	expect "the mode" 600 "$(stat -c %a "$MNT/k")"
	expect "the attribute" b "$(get_xattr k user.foo)"
	expect_value k old
}

test_a_writer_killed_after_somebody_touched_its_new_key_sets_nothing() {
	mount_stack
	open_writer w k
	tell w write half
	touch "$MNT/k"
	kill_hand w KILL
	expect_absent k
}

test_one_who_wrote_nothing_and_was_killed_takes_nothing_of_another_with_it() {
	mount_stack
	open_writer a k
	open_writer b k w
	kill_hand b KILL
	tell a close
	expect_value k ""
}

test_on_killed_writer_publish_sets_what_a_group_has_written() {
	mount_stack '"on_killed_writer": "publish"'
	start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2" ) >"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	expect_miss k
	kill_group KILL
	expect_value k part1
}

run_tests
