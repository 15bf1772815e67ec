#!/bin/bash
# A group of processes that one signal kills sets nothing, whatever it was doing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/killed_group.sh"

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

test_on_killed_writer_publish_sets_what_a_group_has_written() {
	mount_stack '"on_killed_writer": "publish"'
	start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2" ) >"$1"' "$MNT/k" "$TMP/here"
	wait_until 60 is_there here
	expect_miss k
	kill_group KILL
	expect_value k part1
}

run_tests
