# Words for tests of flock and fcntl locks between processes: hands (lib.sh), in the directory of the test.

end_hands() {
	local rc=$? pid
	trap - ERR
	set +eE
	for pid in "${HAND_PID[@]}"; do
		kill -9 "$pid"
		wait "$pid"
	done 2>/dev/null
	exit "$rc"
}

with_hands() {
	MNT=$PWD
	trap end_hands EXIT
	echo content >lock
}

SYS_FLOCK=73 SYS_FCNTL=72

is_in() {
	[[ $(cut -d' ' -f1 "/proc/${HAND_PID[$1]}/syscall") = "$2" ]]
}

# waits NAME COMMAND...: begins a call that waits.
waits() {
	local name=$1 number=$SYS_FLOCK
	shift
	[[ $1 = flockw ]] || number=$SYS_FCNTL
	begin_hand "$name" "$@"
	wait_until 20 is_in "$name" "$number"
}

# The lock of a process that has ended is given back a moment later.
soon() {
	gets_it() { hand "$@" && [[ $ANSWER = ok* ]]; }
	wait_until 20 gets_it "$@"
}
