# Words for tests of callers that are interrupted while their request waits.

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
