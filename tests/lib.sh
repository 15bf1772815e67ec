# The words of the shell tests. A test file is
#
#	#!/bin/bash
#	. "$(dirname "$0")/../lib.sh"
#	test_a_sentence_that_says_what_holds() { ...; }
#	run_tests
#
# Each test_ function runs in a directory of its own ($TMP), with a mount of its own ($MNT) if it
# asks for one; a command that fails is a failed test. Output is TAP, for prove. From outside:
#   CACHEFS   the daemon (build/fs/cachefs)      HELPERS  the directory of the helper programs
#   LOG_DIR   where daemons log (build/log)      ONLY     a pattern: run just these tests
#   CACHEFS_SWITCHES  a daemon built with -Dtest_switches=true (build-switches/fs/cachefs)

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHEFS=$(realpath "${CACHEFS:-$ROOT/build/fs/cachefs}")
HELPERS=${HELPERS:-$(dirname "$CACHEFS")/../tests}
LOG_DIR=${LOG_DIR:-$ROOT/build/log}
TEST_SECONDS=${TEST_SECONDS:-180}
export LC_ALL=C

# --- verdicts ---------------------------------------------------------------

# Where in the test file we are: the first frame outside of files of words.
test_line() {
	local i
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		[[ ${BASH_SOURCE[i]} != *.sh ]] || continue
		echo "$TEST_FILE:${BASH_LINENO[i-1]}"
		return
	done
}

fail() {
	echo "$(test_line): $*; daemon log: ${LOG#"$ROOT"/}" >>"$TMP/.failure"
	trap - ERR
	exit 1
}

skip() {
	echo "$*" >"$TMP/.skip"
	exit 77
}

on_error() {
	fail "failed: $BASH_COMMAND"
}

# From here on with the daemon that the environment can make do things (fs/verbs/test_switches.h).
with_test_switches() {
	local found=${CACHEFS_SWITCHES:-$ROOT/build-switches/fs/cachefs}
	[[ -x $found ]] || skip "no build with -Dtest_switches=true"
	CACHEFS=$(realpath "$found")
}

# --- the daemon -------------------------------------------------------------

# Layers to mount, each with its store in $TMP.
MEMORY='{"type": "memory"}'
DISK='{"type": "disk", "options": {"path": "db.sqlite"}}'
FILE='{"type": "file", "options": {"directory": "files"}}'
REDIS='{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}'

# any_mount_is TEXT: whether a line of the mount table has it. Without a process, as all that is polled.
any_mount_is() {
	local mounts
	mapfile mounts </proc/mounts
	[[ "${mounts[*]}" == *"$1"* ]]
}

is_mounted() {
	any_mount_is " ${1:-$MNT} fuse"
}

# mount_with JSON: a configuration, or a single layer. Relative paths are taken from $TMP.
mount_with() {
	printf '%s\n' "$1" >"$TMP/cachefs.json"
	start_daemon "$TMP/cachefs.json"
}

# mount_stack [SETTINGS] [DISK_OPTIONS]: memory over disk in $TMP, with members of "cachefs": {...}.
mount_stack() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"
		'"${2:+, $2}"'}}], "cachefs": {'"${1:-}"'}}'
}

daemon_is_up() {
	kill -0 "$DAEMON_PID" 2>/dev/null || fail "the daemon ended: $(tail -n 1 "$LOG")"
	[[ -e $MNT ]] && is_mounted # in this order: a dead mount is mounted until it is removed
}

# still_there WHAT: the daemon has not ended for it.
still_there() {
	kill -0 "$DAEMON_PID" || fail "the daemon ended after $1: $(tail -n 3 "$LOG")"
}

start_daemon() {
	"$CACHEFS" -f "$@" "$MNT" </dev/null >>"$LOG" 2>&1 &
	DAEMON_PID=$!
	echo "$DAEMON_PID" >"$TMP/.daemon"
	DAEMON_ARGUMENTS=("$@")
	wait_until 60 daemon_is_up
}

# Waits for the daemon's own end; fails if it did not end well.
await_daemon() {
	local rc=0
	[[ $DAEMON_PID ]] || return 0
	wait_until 60 daemon_has_ended
	wait "$DAEMON_PID" || rc=$?
	DAEMON_PID=
	rm -f "$TMP/.daemon"
	[[ $rc = "${1:-0}" ]] || fail "the daemon ended with status $rc"
}

has_ended() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	[[ ${stat##*) } = Z* ]]
}

daemon_has_ended() {
	has_ended "$DAEMON_PID"
}

# stop_process PID: it does nothing any more, until kill -CONT. (The signal alone is on its way for a while.)
stop_process() {
	kill -STOP "$1"
	wait_until 60 has_stopped "$1"
}

has_stopped() {
	local file stat
	for file in /proc/"$1"/task/*/stat; do
		{ read -r stat <"$file"; } 2>/dev/null || continue
		[[ ${stat##*) } == [Tt]* ]] || return 1
	done
}

log_says() {
	grep -q -- "$1" "$LOG"
}

waits_for_the_daemon() {
	grep -qs request_wait_answer "/proc/$1/wchan"
}

unmount() {
	fusermount3 -u "$MNT"
	await_daemon
}

restart_daemon() {
	unmount
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

# kill -9, the dead mount removed, started again.
kill_daemon() {
	kill -9 "$DAEMON_PID"
	await_daemon 137 2>/dev/null
	fusermount3 -u -z "$MNT"
	start_daemon "${DAEMON_ARGUMENTS[@]}"
}

# mount_daemon [MOUNTPOINT]: its pid, by the connection that the kernel shows for its descriptor;
# nothing if the kernel does not.
mount_daemon() {
	local connection file
	connection=$(awk -v at="${1:-$MNT}" '$5 == at { sub(/.*:/, "", $3); print $3 }' /proc/self/mountinfo)
	for file in /proc/[0-9]*/fdinfo/*; do
		if grep -qsx "fuse_connection:	$connection" "$file"; then
			file=${file#/proc/}
			echo "${file%%/*}"
			return
		fi
	done
}

# --- what the mount says, and is told ---------------------------------------

# stat_of FILTER: of stats.json, as jq prints it on one line
stat_of() {
	jq -c "$1" "$MNT/.cachefs/stats.json"
}

# layer_stat NAME MEMBER: a number of stats.json
layer_stat() {
	jq -r --arg name "$1" '.layers[] | select(.name == $name) | .'"$2" "$MNT/.cachefs/stats.json"
}

layer_is() {
	[[ $(layer_stat "$1" down) = "$2" ]]
}

# layer_is_told NAME: all that it missed, or may have
layer_is_told() {
	[[ $(layer_stat "$1" tombstones) = 0 ]]
}

journal() {
	stat_of ".journal.$1"
}

is_drained() {
	[[ $(journal entries) = 0 ]]
}

# control COMMAND: one line for .cachefs/control
control() {
	printf '%s\n' "$1" >"$MNT/.cachefs/control"
}

# --- keys -------------------------------------------------------------------

set_value() {
	printf %s "$2" >"$MNT/$1"
}

# A value of SIZE random bytes, kept in $TMP/FILE: random_file FILE SIZE
random_file() {
	head -c "$2" /dev/urandom >"$TMP/$1"
}

expect() {
	[[ $2 == "$3" ]] || fail "$1: expected \"$2\", got \"$3\""
}

expect_value() {
	local got rc=0
	got=$(cat "$MNT/$1" 2>&1) || rc=$?
	[[ $rc = 0 ]] || fail "expect_value $1: expected \"$2\", got $got"
	expect "expect_value $1" "$2" "$got"
}

expect_miss() {
	local got
	if got=$(cat "$MNT/$1" 2>&1); then
		fail "expect_miss $1: got \"$got\""
	fi
	[[ $got == *"No such file or directory"* ]] || fail "expect_miss $1: $got"
}

# A miss for stat and ls as well.
expect_absent() {
	expect_miss "$1"
	if stat "$MNT/$1" >/dev/null 2>&1; then
		fail "expect_absent $1: stat finds it"
	fi
	local name=${1##*/} dir=$MNT/$1
	if ls -A "${dir%/*}" | grep -qxF -- "$name"; then
		fail "expect_absent $1: ls lists it"
	fi
}

# expect_error TEXT COMMAND...: it fails and says so.
expect_error() {
	local text=$1 got
	shift
	if got=$("$@" 2>&1); then
		fail "expected \"$text\" of $*, but it succeeded"
	fi
	[[ $got == *"$text"* ]] || fail "expected \"$text\" of $*, got \"$got\""
}

expect_list() {
	expect "ls $1" "$2" "$(ls -A "$MNT/$1" | paste -sd' ')"
}

# The attribute's value; nothing if it has none.
get_xattr() {
	getfattr --only-values --absolute-names -n "$2" "$MNT/$1" 2>/dev/null || true
}

set_ttl() {
	setfattr -n user.cachefs.ttl -v "$2" "$MNT/$1"
}

is_gone() {
	! test -e "$MNT/$1"
}

# Waits until this many seconds have passed by the cache's own clock: a key with that TTL.
ttl_passes() {
	set_value .ttl-clock x
	set_ttl .ttl-clock "$1"
	wait_until 10 is_gone .ttl-clock
}

# Whoever reads from it waits: a sleep that is no process.
exec {NOTHING_COMES}<> <(:)

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# wait_until SECONDS COMMAND...: polls until it succeeds.
wait_until() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || fail "waited in vain for: $*"
		read -r -t 0.02 -u "$NOTHING_COMES" || true
	done
}

# --- a small disk: $TMP/store -----------------------------------------------

# small_disk MIB: a file system of that size
small_disk() {
	mkdir store
	mount -t tmpfs -o size="$1m" none store || skip "no tmpfs here"
	at_end 'umount "$TMP/store"'
}

# Another program takes what there is, and when called again what has become free since.
fill_up() {
	cat /dev/zero >>store/ballast 2>/dev/null || true
}

space_again() {
	rm store/ballast
}

# A value of SIZE bytes of one letter: letters FILE LETTER SIZE
letters() {
	head -c "$3" /dev/zero | tr '\0' "$2" >"$1"
}

# set_many PREFIX COUNT: with a program that looks at close()
set_many() {
	local i
	for ((i = 1; i <= $2; i++)); do
		echo "$1$i" >value
		cp value "$MNT/$1$i" || fail "a set was refused"
	done
}

expect_many() {
	local i
	for ((i = 1; i <= $2; i++)); do
		expect_value "$1$i" "$1$i"
	done
}

# With a program that looks at close(): set_succeeds FILE KEY
set_succeeds() {
	cp "$1" "$MNT/$2" 2>/dev/null
}

# expect_refused_when_full COUNT: so many sets of `new` do not all fit, and none over k, which holds `old`.
expect_refused_when_full() {
	local i refused=0
	for ((i = 1; i <= $1; i++)); do
		set_succeeds new "other$i" || ((++refused))
	done
	((refused > 0)) || fail "$1 sets of $(stat -c %s new) bytes fitted in nothing"
	expect_error "No space left on device" cp new "$MNT/k"
	cmp old "$MNT/k"
}

# --- the database of a disk layer: $TMP/db.sqlite ---------------------------

# sql STATEMENT...: as another program
sql() {
	sqlite3 -cmd '.timeout 20000' "$TMP/db.sqlite" "$@"
}

# --- redis: a server of the test's own --------------------------------------

# start_redis [ARGS]: on the UNIX socket $TMP/redis.sock; restarts at the same place.
start_redis() {
	redis-server --port 0 --unixsocket "$TMP/redis.sock" --dir "$TMP" --save "" --daemonize no "$@" \
		</dev/null >>"$TMP/redis.log" 2>&1 &
	REDIS_PID=$!
	echo "$REDIS_PID" >"$TMP/.redis"
	wait_until 60 redis_answers
}

# Whatever it says: it may want a password.
redis_answers() {
	kill -0 "$REDIS_PID" 2>/dev/null || fail "redis-server ended: $(tail -n 1 "$TMP/redis.log")"
	redis PING >/dev/null 2>&1 || redis PING 2>&1 | grep -q NOAUTH
}

stop_redis() {
	kill -CONT "$REDIS_PID"
	kill -9 "$REDIS_PID"
	wait "$REDIS_PID" 2>/dev/null || true
	rm -f "$TMP/.redis"
	REDIS_PID=
}

# redis COMMAND...: one of Redis's, or what the Python package does there (helpers/redis.py).
redis() {
	case $1 in
	cache-* | fill) python3 -ES "$ROOT/tests/helpers/redis.py" "$TMP/redis.sock" "$@" ;;
	*) redis-cli -e -s "$TMP/redis.sock" "$@" ;;
	esac
}

# mount_redis [OPTIONS] [SETTINGS]: the server of the test as the only layer.
mount_redis() {
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"'"${1:+, $1}"'}}],
		"cachefs": {"state_dir": "state"'"${2:+, $2}"'}}'
}

# mount_shared [OPTIONS]: memory over the server of the test, asked at each get.
mount_shared() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "revalidate_ms": 0,
		"options": {"unix_socket_path": "redis.sock"'"${1:+, $1}"'}}], "cachefs": {"state_dir": "state",
		"attr_timeout": 0, "entry_timeout": 0}}'
}

# It takes no sets from here on, until REPLICAOF NO ONE.
become_replica() {
	redis REPLICAOF 127.0.0.1 1 >/dev/null
	wait_until 30 is_read_only
}

is_read_only() {
	redis SET probe x 2>&1 | grep -q READONLY
}

# --- the state --------------------------------------------------------------

# state_says DIR SQL: of a copy of its database, for the daemon keeps others out of that
state_says() {
	mkdir -p "$TMP/.copy"
	cp "$1/state.sqlite" "$1/state.sqlite-wal" "$TMP/.copy/"
	sqlite3 "$TMP/.copy/state.sqlite" "$2"
	rm -f "$TMP/.copy"/*
}

# --- hands: processes that hold files open (helpers/hand.c) -----------------

declare -A HAND_IN HAND_OUT HAND_PID

start_hand() {
	local in out
	mkfifo "$TMP/.hand-$1.in" "$TMP/.hand-$1.out"
	env --default-signal=INT "$HELPERS/hand" <>"$TMP/.hand-$1.in" >"$TMP/.hand-$1.out" &
	HAND_PID[$1]=$!
	exec {in}>"$TMP/.hand-$1.in" {out}<"$TMP/.hand-$1.out"
	HAND_IN[$1]=$in HAND_OUT[$1]=$out
}

# begin_hand NAME COMMAND...: lets it do something, and does not wait for the answer.
begin_hand() {
	local name=$1
	shift
	[[ ${HAND_PID[$name]:-} ]] || start_hand "$name"
	[[ $1 != open ]] || set -- open "$MNT/$2" "$3"
	echo "$*" >&"${HAND_IN[$name]}"
}

# begin_waiting NAME COMMAND...: and the daemon lets it wait.
begin_waiting() {
	begin_hand "$@"
	wait_until 60 waits_for_the_daemon "${HAND_PID[$1]}"
}

# answers NAME EXPECTED: what was begun ends, and so.
answers() {
	local answer
	read -r -t 100 answer <&"${HAND_OUT[$1]}" || fail "no answer from $1"
	expect "the answer of $1" "$2" "$answer"
}

# hand NAME COMMAND...: lets it do something; the answer is in $ANSWER.
hand() {
	begin_hand "$@"
	read -r -t 60 ANSWER <&"${HAND_OUT[$1]}" || fail "no answer from $*"
}

# tell NAME COMMAND...: it must succeed.
tell() {
	hand "$@"
	[[ $ANSWER == ok* ]] || fail "tell $*: $ANSWER"
	ANSWER=${ANSWER#ok} ANSWER=${ANSWER# }
}

# expect_told EXPECTED NAME COMMAND...
expect_told() {
	local expected=$1
	shift
	hand "$@"
	expect "$*" "$expected" "$ANSWER"
}

open_reader() {
	tell "$1" open "$2" r
}

# open_writer NAME KEY [FLAGS]
open_writer() {
	tell "$1" open "$2" "${3:-w,creat,trunc}"
}

expect_read() {
	tell "$1" read
	expect "expect_read $1" "$2" "$ANSWER"
}

# kill_hand NAME SIGNAL
kill_hand() {
	kill -"$2" "${HAND_PID[$1]}"
	wait "${HAND_PID[$1]}" 2>/dev/null || true
	unset "HAND_PID[$1]"
}

# --- groups: shells and their children, which one signal kills ---------------

# start_group SCRIPT ARGUMENT...: for bash; the group's number is in $GROUP.
start_group() {
	env --default-signal=INT setsid "$BASH" -c "$1" _ "${@:2}" &
	GROUP=$!
}

group_has_ended() {
	local file stat state group
	for file in /proc/[0-9]*/stat; do
		{ read -r stat <"$file"; } 2>/dev/null || continue
		read -r state _ group _ <<<"${stat##*) }"
		[[ $state == Z || $group != "$GROUP" ]] || return 1
	done
}

# kill_group SIGNAL: all of them at once; each has closed its files afterwards.
kill_group() {
	kill -"$1" -- "-$GROUP"
	await_group
}

await_group() {
	wait_until 60 group_has_ended
	wait "$GROUP" 2>/dev/null || true
	GROUP=
}

# --- running ----------------------------------------------------------------

# at_end COMMAND: run after the daemon has ended, however the test ends
at_end() {
	printf '%s\n' "$1" | cat - "$TMP/.at-end" >"$TMP/.at-end.new" 2>/dev/null || true
	mv "$TMP/.at-end.new" "$TMP/.at-end"
}

# Ends what a test left; a daemon that does not end well fails the test.
tear_down() {
	local rc=$? pid
	trap - ERR
	set +eE
	for pid in "${HAND_PID[@]}"; do
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[[ ! $GROUP ]] || kill -9 -- "-$GROUP" 2>/dev/null
	if [[ $DAEMON_PID ]]; then
		fusermount3 -u -q "$MNT" || fusermount3 -u -z -q "$MNT"
		await_daemon
	fi
	[[ ! $REDIS_PID ]] || stop_redis
	exit "$rc"
}

test_body() {
	set -eE
	shopt -s inherit_errexit
	trap on_error ERR
	trap tear_down EXIT
	"$1"
}

# For what a test that ran out of time left: its pid was kept, the mount is known by its path.
sweep() {
	[[ ! -e $TMP/.daemon ]] || kill -9 "$(<"$TMP/.daemon")" 2>/dev/null
	[[ ! -e $TMP/.redis ]] || kill -9 "$(<"$TMP/.redis")" 2>/dev/null
	while is_mounted "$MNT"; do
		fusermount3 -u -z -q "$MNT" || break
	done
	[[ ! -e $TMP/.at-end ]] || (cd "$TMP" && . ./.at-end) >/dev/null 2>&1
	! any_mount_is " $TMP/" ||
		awk -v below="$TMP/" 'index($2, below) == 1 { print $2 }' /proc/mounts | xargs -r -n 1 umount -l
}

# Prints what is wrong in a daemon's log by itself.
log_findings() {
	[[ -s $LOG ]] && grep -m 3 -E 'ERROR: [A-Za-z]+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion' "$LOG"
}

run_one() {
	local number=$1 name=$2 rc=0 sentence=${2#test_} test_pid timer_pid which
	sentence=${sentence//_/ }
	TMP=$(mktemp -d "${TMPDIR:-/tmp}/cachefs-test.XXXXXX") || exit 1
	export XDG_STATE_HOME=$TMP/.state
	MNT=$TMP/mnt
	LOG=$LOG_DIR/$TEST_NAME-$number.log
	DAEMON_PID= REDIS_PID= GROUP=
	mkdir "$MNT"
	: >"$LOG"
	(cd "$TMP" && test_body "$name") >"$TMP/.output" 2>&1 </dev/null &
	test_pid=$!
	sleep "$TEST_SECONDS" &
	timer_pid=$!
	trap 'kill "$test_pid" "$timer_pid"; sweep; exit 1' INT TERM
	wait -n -p which "$test_pid" "$timer_pid" || rc=$?
	if [[ $which = "$timer_pid" ]]; then
		rc=1
		echo "$TEST_FILE: not done within $TEST_SECONDS s; daemon log: $LOG" >>"$TMP/.failure"
		kill -9 "$test_pid"
	else
		kill "$timer_pid"
	fi
	wait "$test_pid" "$timer_pid" 2>/dev/null
	trap - INT TERM
	sweep
	if [[ $rc = 77 && -e $TMP/.skip ]]; then
		echo "ok $number - $sentence # SKIP $(<"$TMP/.skip")"
	elif [[ $rc = 0 && ! -e $TMP/.failure ]] && ! log_findings >/dev/null; then
		echo "ok $number - $sentence"
	else
		echo "not ok $number - $sentence"
		{ cat "$TMP/.failure"; log_findings; tail -n 20 "$TMP/.output"; } 2>/dev/null | sed 's/^/#   /'
	fi
	rm -rf --one-file-system "$TMP"
}

run_tests() {
	local names name number=0
	TEST_FILE=$(basename "$(dirname "$(realpath "$0")")")/$(basename "$0")
	TEST_NAME=${TEST_FILE%.t} TEST_NAME=${TEST_NAME//\//-}
	mkdir -p "$LOG_DIR"
	mapfile -t names < <(grep -oE '^test_[A-Za-z0-9_]+' "$0" | grep -E "${ONLY:-.}")
	{
		echo "1..${#names[@]}"
		for name in "${names[@]}"; do
			run_one $((++number)) "$name"
		done
	} | tee "$LOG_DIR/$TEST_NAME.tap"
}
