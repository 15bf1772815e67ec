#!/bin/bash
# What is no file in the place of a database, or of a file beside it, keeps only the layer away.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/beside.sh"

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

run_tests
