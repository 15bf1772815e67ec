#!/bin/bash
# The daemon notices by itself that a file beside its database is gone, whatever it does meanwhile.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/beside.sh"

# is_noticed TEXT: without anybody asking for it
is_noticed() {
	wait_until 60 grep -q "layer \"disk\": .*$1.*opening it anew" "$LOG"
	wait_until 60 layer_is disk false
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

run_tests
