#!/bin/bash
# The files beside a database, removed, replaced or cut off while it is open: what was acknowledged
# is there all the same, what was removed stays away, and the layer is up again by itself.
. "$(dirname "$0")/../lib.sh"

TEST_SECONDS=240

mount_alone() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
}

mount_below_memory() {
	mount_stack '"attr_timeout": 0, "entry_timeout": 0'
}

cut_off() {
	truncate -s 0 "$@"
}

cut_in_the_middle() {
	truncate -s 20000 "$@"
}

write_over() {
	echo nonsense >"$1"
}

move_away() {
	[[ ! -e $1 ]] || mv "$1" elsewhere
}

put_another_there() {
	[[ ! -e $1 ]] || cp "$1" other
	mv other "$1"
}

# is_noticed TEXT: without anybody asking for it
is_noticed() {
	wait_until 60 grep -q "layer \"disk\": .*$1.*opening it anew" "$LOG"
	wait_until 60 layer_is disk false
}

# survives TEXT COMMAND...: sets before and after it, gets while nobody has noticed, kill -9 later
survives() {
	local text=$1
	shift
	set_many a 10
	set_value removed x
	rm "$MNT/removed"
	"$@"
	expect_many a 10
	"$@"
	set_many b 10
	expect_many a 10
	"$@"
	rm "$MNT/b10"
	kill_daemon
	expect_many a 10
	expect_many b 9
	expect_absent removed
	expect_absent b10
	grep -q -e "$text" "$LOG"
	expect "down" false "$(layer_stat disk down)"
}

alone() {
	mount_alone
	survives "$@"
}

# A layer above has copies, which do not count once the daemon has died.
below_memory() {
	mount_below_memory
	survives "$@"
}

test_a_log_that_is_removed() {
	below_memory '-wal file was removed' rm -f db.sqlite-wal
}

test_a_log_that_is_moved_away() {
	alone '-wal file was removed' move_away db.sqlite-wal
}

test_a_log_that_is_replaced() {
	alone '-wal file was removed or replaced' put_another_there db.sqlite-wal
}

test_a_log_that_is_emptied() {
	below_memory '-wal file was cut off' cut_off db.sqlite-wal
}

test_a_log_that_is_cut_off() {
	alone '-wal file was cut off' cut_in_the_middle db.sqlite-wal
}

test_a_log_that_is_written_over() {
	alone '-wal file was cut off or written over' write_over db.sqlite-wal
}

test_an_index_that_is_removed() {
	alone '-shm file was removed' rm -f db.sqlite-shm
}

test_an_index_that_is_emptied() {
	below_memory '-shm file was cut off' cut_off db.sqlite-shm
}

test_an_index_and_a_log_that_are_removed() {
	alone 'file was removed' rm -f db.sqlite-shm db.sqlite-wal
}

test_an_index_and_a_log_that_are_emptied() {
	alone 'file was cut off' cut_off db.sqlite-shm db.sqlite-wal
}

# Nobody asks for anything: the daemon looks by itself.
noticed_in_time() {
	local text=$1
	shift
	mount_alone
	set_many a 10
	"$@"
	is_noticed "$text"
	kill_daemon
	expect_many a 10
	unmount
	rm -r db.sqlite*
}

test_an_idle_daemon_notices() {
	noticed_in_time '-wal file was removed' rm db.sqlite-wal
	noticed_in_time '-wal file was cut off' cut_off db.sqlite-wal
	noticed_in_time '-shm file was removed' rm db.sqlite-shm
	noticed_in_time '-shm file was cut off' cut_off db.sqlite-shm
}

kept_by_an_unmount() {
	mount_alone
	set_many a 10
	"$@"
	restart_daemon
	expect_many a 10
	unmount
	rm -r db.sqlite*
}

test_an_unmount_before_anybody_has_noticed() {
	kept_by_an_unmount rm db.sqlite-wal
	kept_by_an_unmount cut_off db.sqlite-wal
	kept_by_an_unmount rm db.sqlite-shm
	kept_by_an_unmount cut_off db.sqlite-shm
}

# A log that was begun anew and one that is longer than a checkpoint lets it be.
test_large_values_in_a_log_that_is_emptied() {
	mount_alone
	local i
	for i in {1..40}; do
		random_file "value$i" 900000
		cp "value$i" "$MNT/k$i"
	done
	cut_off db.sqlite-wal
	for i in {1..40}; do
		cmp "value$i" "$MNT/k$i"
	done
	restart_daemon
	for i in {1..40}; do
		cmp "value$i" "$MNT/k$i"
	done
}

# A stream of sets, and files that go again and again: what was acknowledged is there.
test_sets_while_files_go_all_the_time() {
	mount_alone
	mkdir done
	set_for_ever() {
		local i
		for ((i = 1; ; i++)); do
			echo "$1$i" >"from$1"
			if cp "from$1" "$MNT/$1$i" 2>/dev/null; then
				echo "$1$i" >>"done/$1"
			fi
			[[ ! -e stop ]] || return 0
		done
	}
	expect_done() {
		for i in $(cat done/*); do
			expect_value "$i" "$i"
		done
	}
	local writers=() i round
	for i in a b c; do
		set_for_ever "$i" &
		writers+=($!)
	done
	for round in {1..8}; do
		for i in rm cut_off; do
			"$i" db.sqlite-wal 2>/dev/null || true
			read -r -t 0.1 -u "$NOTHING_COMES" || true
			"$i" db.sqlite-shm 2>/dev/null || true
			read -r -t 0.1 -u "$NOTHING_COMES" || true
		done
	done
	: >stop
	wait "${writers[@]}"
	wait_until 60 layer_is disk false
	expect_done
	kill_daemon
	expect_done
	expect "the database" ok "$(sqlite3 db.sqlite 'PRAGMA integrity_check')"
}

# Another program has the files that were removed: it is waited for, and named.
test_another_program_that_has_the_removed_log_open() {
	mount_alone
	set_many a 5
	mkfifo commands
	sqlite3 db.sqlite <commands >answer &
	local other=$! to
	exec {to}>commands
	echo "SELECT count(*) FROM cache;" >&"$to"
	wait_until 60 grep -qx 5 answer
	rm db.sqlite-wal
	wait_until 60 grep -q "another program (pid $other) has it open" "$LOG"
	expect_error "Input/output error" cp value "$MNT/k"
	exec {to}>&-
	wait "$other"
	wait_until 60 layer_is disk false
	expect_many a 5
	set_many b 5
	restart_daemon
	expect_many a 5
	expect_many b 5
}

# What a person removes to begin anew is removed; what is set from then on is kept.
test_sets_from_the_removal_of_the_database_on() {
	mount_alone
	mkdir done
	set_many old 5
	set_for_ever() {
		local i
		for ((i = 1; ; i++)); do
			echo "$i" >from
			if cp from "$MNT/k$i" 2>/dev/null; then
				echo "$i" >>done/all
			fi
			[[ ! -e stop ]] || return 0
		done
	}
	set_for_ever &
	local writer=$! round first
	wait_until 60 test -s done/all
	for round in {1..10}; do
		read -r -t 0.1 -u "$NOTHING_COMES" || true
		rm -f db.sqlite db.sqlite-wal db.sqlite-shm
		first=$(($(tail -n 1 done/all) + 2)) # the one under way began before
	done
	: >stop
	wait "$writer"
	grep -q 'the database was removed or replaced, with the [0-9]* entries that were in it' "$LOG"
	local i
	for ((i = first; i <= $(tail -n 1 done/all); i++)); do
		grep -qx "$i" done/all || continue
		expect_value "k$i" "$i"
	done
	expect_absent old1
}

# is_refused TEXT FILE COMMAND...: what COMMAND puts in the place of FILE keeps the layer away until it goes
is_refused() {
	local text=$1 file=$2
	shift 2
	mount_alone
	set_many a 5
	unmount
	[[ ! -e $file ]] || mv "$file" kept
	"$@" "$file"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	wait_until 60 grep -q "layer \"disk\" down .*$text" "$LOG"
	expect_error "Input/output error" cp value "$MNT/k"
	timeout 60 ls "$MNT" >/dev/null
	rm -r "$file"
	[[ ! -e kept ]] || mv kept "$file"
	wait_until 60 layer_is disk false
	expect_many a 5
	unmount
	rm -r db.sqlite*
	: >"$LOG"
}

make_a_socket() {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"
}

make_a_device() {
	mknod "$1" c 1 5 || skip "no devices here"
}

test_what_is_no_file_in_the_place_of_one() {
	is_refused 'is a pipe' db.sqlite mkfifo
	is_refused 'is a pipe' db.sqlite-journal mkfifo
	is_refused 'is a socket' db.sqlite-wal make_a_socket
	is_refused 'is a device' db.sqlite make_a_device
	is_refused 'is a directory' db.sqlite-shm mkdir
}

# While it is open: whoever opens a connection then must not wait.
test_a_pipe_in_the_place_of_a_file_that_is_open() {
	local file
	for file in db.sqlite db.sqlite-wal db.sqlite-shm; do
		mount_alone
		set_many a 5
		rm $file
		mkfifo $file
		wait_until 60 grep -q 'layer "disk" down .* is a pipe' "$LOG"
		timeout 60 cp value "$MNT/k" 2>/dev/null && fail "a set was acknowledged that nothing keeps"
		rm $file
		wait_until 60 layer_is disk false
		[[ $file = db.sqlite ]] || expect_many a 5
		set_many b 5
		unmount
		rm -r db.sqlite*
		: >"$LOG"
	done
}

# The daemon is short of something just when it has to open its files anew.
comes_back_after_a_shortage() {
	local scarce=$1 plenty=$2
	mount_alone
	set_many a 10
	prlimit --pid "$DAEMON_PID" "$scarce"
	rm db.sqlite-wal
	# refused or not, in time, and never a miss
	timeout 60 cp value "$MNT/k" 2>/dev/null || true
	timeout 60 cat "$MNT/a1" >got 2>said || ! grep -q 'No such file' said || fail "a miss"
	prlimit --pid "$DAEMON_PID" "$plenty"
	wait_until 60 layer_is disk false
	expect_many a 10
	set_many b 10
	kill_daemon
	expect_many a 10
	expect_many b 10
}

test_a_log_that_is_removed_while_there_are_no_descriptors() {
	comes_back_after_a_shortage --nofile=3: --nofile=1024:
}

test_a_log_that_is_removed_while_there_is_no_address_space() {
	! grep -qE '__(asan|tsan)_init' "$CACHEFS" || skip "a sanitizer ends for want of address space"
	comes_back_after_a_shortage --as=1000000: --as=unlimited:
}

# survives_without_its_directory COMMAND...: what the file layer acknowledges from then on is at its path
survives_without_its_directory() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_many a 5
	"$@"
	set_many b 5
	expect_many b 5
	kill_daemon
	expect_many b 5
	expect_absent a1
}

test_a_directory_of_json_files_that_is_removed() {
	survives_without_its_directory rm -r files
}

test_a_directory_of_json_files_that_is_moved_away() {
	survives_without_its_directory mv files elsewhere
}

test_a_log_file_that_is_removed_is_made_anew() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"log_file": "said"}}'
	set_many a 5
	rm said db.sqlite-wal
	wait_until 60 grep -qs 'its -wal file was removed' said
}

test_a_pipe_as_a_log_file_is_no_wait() {
	mkfifo said
	printf '%s\n' '{"layers": [{"type": "memory"}], "cachefs": {"log_file": "said"}}' >cachefs.json
	expect_error "said" timeout 60 "$CACHEFS" -f cachefs.json "$MNT"
	expect "status" 1 "$(timeout 60 "$CACHEFS" -f cachefs.json "$MNT" >/dev/null 2>&1 || echo $?)"
}

run_tests
