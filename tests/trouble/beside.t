#!/bin/bash
# A file beside a database that is removed, replaced or cut off while it is open costs nothing that was
# acknowledged.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/beside.sh"

mount_below_memory() {
	mount_stack '"attr_timeout": 0, "entry_timeout": 0'
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

run_tests
