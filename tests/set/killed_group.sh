# Words for tests of writers that are killed: who ends a set decides whether it was killed.

# is_there FILE: a script's sign that it has come so far. The program that it goes on with gives it: one that bash
# has forked and that executes nothing yet takes a signal with bash's handler, and stays.
is_there() {
	[[ -e $TMP/$1 ]]
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
