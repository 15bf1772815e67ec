#!/bin/bash
# A caller that is interrupted or killed while a layer, another writer or a lock keeps its request waiting:
# it ends, the mount works, and nothing is left of it.
. "$(dirname "$0")/../lib.sh"

# send NAME COMMAND...: and the mount keeps it waiting.
send() {
	begin_hand "$@"
	wait_until 60 waits_for_the_mount "${HAND_PID[$1]}"
}

waits_for_the_mount() {
	grep -q 'fuse\|request_wait' "/proc/$1/stack"
}

NOTHING=[0,0,0] # is held
counts() {
	jq -c '[.memory.handles, .memory.pending_bytes, .waits.waiting]' "$MNT/.cachefs/stats.json"
}

counts_are() {
	[[ $(counts) = "$1" ]]
}

# interrupt NAME SIGNAL: it has got the signal while it waited; may end later.
interrupt() {
	kill -"$2" "${HAND_PID[$1]}"
}

# ended NAME: it is gone, and so are its descriptors.
ended() {
	wait_until 60 has_ended "${HAND_PID[$1]}"
	wait "${HAND_PID[$1]}" 2>/dev/null || true
	unset "HAND_PID[$1]"
	exec {HAND_IN[$1]}>&- {HAND_OUT[$1]}<&-
	rm "$TMP/.hand-$1".*
}

# The mount does all it should, and holds no more than it did.
works_as_before() {
	wait_until 30 counts_are "$1"
	[[ $(cat "$MNT/k") =~ ^(old|new)$ ]] || fail "k is $(cat "$MNT/k")"
	set_value k after
	expect_value k after
	flock -n "$MNT/k" true
	tell check open k rw
	expect_told ok check setlk ex
	tell check close
	rm "$MNT/k"
	expect_list "" ""
	set_value k old
	wait_until 30 counts_are "$1"
}

# held STOP GO PREPARE COMMAND...: with either signal, a caller of COMMAND that STOP keeps waiting until GO.
held() {
	local stop=$1 go=$2 prepare=$3 signal
	shift 3
	set_value k old
	wait_until 30 counts_are "$NOTHING"
	for signal in INT KILL; do
		start_hand w
		$prepare
		$stop
		send w "$@"
		interrupt w "$signal"
		$go
		ended w
		works_as_before "$NOTHING"
	done
}

redis_stops() { stop_process "$REDIS_PID"; }
redis_goes_on() { kill -CONT "$REDIS_PID"; }
mount_slow_redis() {
	start_redis
	mount_redis '"socket_timeout": 100'
}

nothing() { :; }
wrote() {
	open_writer w k w,trunc
	tell w write new
}

test_open_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on nothing open k r
}

test_close_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on wrote close
}

test_fsync_that_waits_for_a_layer() {
	mount_slow_redis
	held redis_stops redis_goes_on wrote fsync
}

# Another program's transaction; it ends with the lock.
database_is_locked() {
	coproc LOCKER { sqlite3 db.sqlite; }
	printf '.timeout 60000\nBEGIN IMMEDIATE; SELECT 1;\n' >&"${LOCKER[1]}"
	read -r -t 60 <&"${LOCKER[0]}"
}

database_is_free() {
	local pid=$LOCKER_PID
	printf 'ROLLBACK;\n.quit\n' >&"${LOCKER[1]}"
	wait "$pid" || true
}

test_close_that_waits_for_a_locked_database() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	held database_is_locked database_is_free wrote close
}

test_fsync_that_waits_for_a_locked_database() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"}}'
	held database_is_locked database_is_free wrote fsync
}

# What is open is with the daemon: a value, or a working copy.
test_read_and_write_wait_for_no_layer() {
	local signal
	mount_slow_redis
	letters large L 3000000
	cp large "$MNT/large"
	set_value k old
	open_writer w k rw
	open_reader r large
	redis_stops
	expect_told ok w write new
	expect_told "ok new" w read
	expect_told "ok LLLLLLLLLL" r pread 2999990 10
	redis_goes_on
	tell r close
	tell w close
	expect_value k new
}

test_open_that_waits_for_a_pending_key() {
	local signal
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"pending_wait_ms": 10000}}'
	set_value k old
	wait_until 30 counts_are "$NOTHING"
	for signal in INT KILL; do
		open_writer w pending
		tell w write new
		send r open pending r
		interrupt r "$signal"
		tell w close
		ended r
		expect_value pending new
		rm "$MNT/pending"
		works_as_before "$NOTHING"
	done
}

# The waiting caller ends while the lock is still held.
lock_wait() {
	local unlocked=$1 locked=$2 waiting=$3 signal
	mount_stack
	set_value k old
	wait_until 30 counts_are "$NOTHING"
	for signal in INT KILL; do
		tell h open k rw
		tell h $locked
		tell w open k rw
		send w $waiting
		interrupt w "$signal"
		ended w
		tell h $unlocked
		tell other open k rw
		expect_told ok other $locked
		tell other close
		tell h close
		works_as_before "$NOTHING"
	done
}

test_a_wait_for_flock() {
	lock_wait "flock un" "flock ex" "flockw ex"
}

test_a_wait_for_a_fcntl_lock() {
	lock_wait "setlk un" "setlk ex" "setlkw ex"
}

test_a_wait_for_a_range_that_is_shared() {
	lock_wait "setlk un" "setlk sh 10 5" "setlkw ex 12 1"
}

run_tests
