# The words of the tests that say what a directory does, system call by system call. They hold for a
# directory of the local disk (tests/posix/run DIR) as well as for a mount; what differs by design
# is marked with on_the_mount and on_a_local_disk.
#
# A file has one mount for all its tests; each test runs in a directory of its own in it ("empty",
# mode 0755, owned by root), as root. From outside: POSIX_DIR, a directory to use instead of a mount.
#
#   calls EXPECTED... -- [-u UID] [-g GIDS] [-m UMASK] CALL ARG... [: CALL ARG...]
#       makes the system calls (helpers/sys.c) in one process and compares what each returned;
#       "*" is anything.
#   ok CALL ARG...            the same for calls that all return 0
#   field PATH NAME           what lstat says: mode, size, mtime_ns, ...

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

SYS=$HELPERS/sys

calls() {
	local expected=() got i
	while [[ $1 != -- ]]; do
		expected+=("$1")
		shift
	done
	shift
	mapfile -t got < <("$SYS" "$@" 2>&1)
	for ((i = 0; i < ${#expected[@]} || i < ${#got[@]}; i++)); do
		[[ ${expected[i]:-} = '*' || ${expected[i]:-} == "${got[i]:-}" ]] ||
			fail "$* : call $((i + 1)): expected \"${expected[i]:-}\", got \"${got[i]:-}\""
	done
}

ok() {
	local count=1 word
	for word; do [[ $word != : ]] || ((++count)); done
	local expected=()
	while ((count-- > 0)); do expected+=(0); done
	calls "${expected[@]}" -- "$@"
}

field() {
	"$SYS" lstat "$1" "$2"
}

expect_field() {
	expect "$2 of $1" "$3" "$(field "$1" "$2")"
}

# Until the clock that file times are taken from has moved on.
clock_moves() {
	local before
	touch .clock
	before=$(field .clock mtime_ns)
	until touch .clock && [[ $(field .clock mtime_ns) != "$before" ]]; do :; done
	rm .clock
}

# moves FIELDS PATH COMMAND...: each of these times of PATH is later afterwards.
moves() {
	local fields=$1 path=$2 before after f
	shift 2
	before=$(field "$path" "$fields")
	clock_moves
	"$@"
	after=$(field "$path" "$fields")
	IFS=, read -ra before <<<"$before"
	IFS=, read -ra after <<<"$after"
	for f in "${!before[@]}"; do
		[[ $(printf '%s\n' "${before[f]}" "${after[f]}" | sort -V | tail -n 1) = "${after[f]}" &&
			${before[f]} != "${after[f]}" ]] || fail "$* did not move $fields of $path: ${before[f]} ${after[f]}"
	done
}

# stays FIELDS PATH COMMAND...
stays() {
	local fields=$1 path=$2 before
	shift 2
	before=$(field "$path" "$fields")
	clock_moves
	"$@"
	expect "$fields of $path after $*" "$before" "$(field "$path" "$fields")"
}

# What no path may lead through: f is no directory, a and b are a circle of links, $n is too long a name.
make_wrong_paths() {
	touch f
	ln -s a b
	ln -s b a
	n=$(printf 'n%.0s' {1..256})
}

on_the_mount() {
	[[ ! ${POSIX_DIR:-} ]] || skip "by design of the mount"
}

on_a_local_disk() {
	[[ ${POSIX_DIR:-} ]] || skip "differs by design: see docs/semantics.md"
}

# A mount for the whole file, unless a directory is given.
posix_base() {
	if [[ ${POSIX_DIR:-} ]]; then
		BASE=$(mktemp -d "$POSIX_DIR/posix.XXXXXX")
	else
		TMP=$(mktemp -d "${TMPDIR:-/tmp}/cachefs-test.XXXXXX")
		MNT=$TMP/mnt
		LOG=$LOG_DIR/$TEST_NAME.log
		mkdir "$MNT"
		: >"$LOG"
		printf '%s\n' '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}],
			"cachefs": {"rmdir": "empty_only", "pending_max_bytes": 17179869184}}' >"$TMP/cachefs.json"
		start_daemon -o allow_other,suid "$TMP/cachefs.json"
		BASE=$MNT
	fi
	chmod 755 "$BASE"
}

posix_end() {
	if [[ ${POSIX_DIR:-} ]]; then
		rm -rf --one-file-system "$BASE"
		return
	fi
	cd /
	fusermount3 -u -q "$MNT" || fusermount3 -u -z -q "$MNT"
	(wait_until 20 daemon_has_ended) && wait "$DAEMON_PID" || ENDED_BADLY=1
	sweep
	rm -rf --one-file-system "$TMP"
}

posix_one() {
	local number=$1 name=$2 rc=0 sentence=${2#test_} dir=$BASE/$1
	sentence=${sentence//_/ }
	OUT=$(mktemp -d "${TMPDIR:-/tmp}/cachefs-posix.XXXXXX")
	mkdir "$dir"
	chmod 755 "$dir"
	(
		TMP=$OUT
		cd "$dir"
		set -eE
		shopt -s inherit_errexit
		trap on_error ERR
		"$name"
	) >"$OUT/.output" 2>&1 </dev/null || rc=$?
	if [[ $rc = 77 && -e $OUT/.skip ]]; then
		echo "ok $number - $sentence # SKIP $(<"$OUT/.skip")"
	elif [[ $rc = 0 && ! -e $OUT/.failure ]]; then
		echo "ok $number - $sentence"
	else
		echo "not ok $number - $sentence"
		{ cat "$OUT/.failure"; tail -n 20 "$OUT/.output"; } 2>/dev/null | sed 's/^/#   /'
	fi
	rm -rf --one-file-system "$OUT" "$dir"
}

run_posix_tests() {
	local names name number=0
	TEST_FILE=$(basename "$(dirname "$(realpath "$0")")")/$(basename "$0")
	TEST_NAME=${TEST_FILE%.t} TEST_NAME=${TEST_NAME//\//-}
	mkdir -p "$LOG_DIR"
	umask 022
	mapfile -t names < <(grep -oE '^test_[A-Za-z0-9_]+' "$0" | grep -E "${ONLY:-.}")
	{
		echo "1..$((${#names[@]} + 1))"
		posix_base
		trap 'posix_end; exit 1' INT TERM
		for name in "${names[@]}"; do
			posix_one $((++number)) "$name"
		done
		ENDED_BADLY=
		posix_end
		if [[ ! $ENDED_BADLY ]] && ! { [[ ! ${POSIX_DIR:-} ]] && log_findings; }; then
			echo "ok $((++number)) - the mount ended well"
		else
			echo "not ok $((++number)) - the mount ended well"
		fi
	} | tee "$LOG_DIR/$TEST_NAME.tap"
}
