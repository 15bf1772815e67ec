#!/bin/bash
# What one user has open and has not published yet leaves room for the others.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/other_users.sh"

# mount_bounded SETTINGS
mount_bounded() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"'], "cachefs": {'"$1"'}}'
}

# holds UID SCRIPT: it goes on when it has said something, and holds what it has open until the end of the test.
holds() {
	local said
	exec {said}< <(exec python3 -ES "$ROOT/tests/helpers/as_user.py" "$1" "$2
print('ready', flush=True)
sys.stdin.read()" "$MNT" <&"$NOTHING_COMES")
	at_end "kill $! 2>/dev/null || true"
	HOLDERS+=($!)
	read -r -t 60 -u "$said"
	expect "the holder says" ready "$REPLY"
}

let_go() {
	kill "${HOLDERS[@]}"
	HOLDERS=()
}

# bytes_that_fit UID KEY: written by the megabyte until it is refused
bytes_that_fit() {
	as_user "$1" '
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
count = 0
try:
    while count < 64:
        os.write(fd, bytes(1 << 20))
        count += 1
except OSError as e:
    assert e.errno == errno.ENOSPC, e
print(count)
try:
    os.close(fd)
except OSError:
    pass
' "$MNT/$2"
}

test_holes_are_not_charged() {
	mount_bounded '"pending_max_bytes": 67108864'
	holds 1001 '
for i in range(40):
    fd = os.open(f"{sys.argv[1]}/sparse{i}", os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 60 << 20)
    os.pwrite(fd, b"end", (60 << 20) - 3)
    assert os.pread(fd, 10, 1 << 20) == bytes(10)
'
	[[ $(jq .memory.pending_bytes "$MNT/.cachefs/stats.json") -lt 2000000 ]]
	head -c 20000000 /dev/urandom >value
	cp value "$MNT/k"
	cmp value "$MNT/k"
	expect "megabytes of another user" 32 "$(bytes_that_fit 1002 other)"
	let_go
}

test_no_user_holds_more_than_half() {
	mount_bounded '"pending_max_bytes": 16777216'
	holds 1001 '
fds = [os.open(f"{sys.argv[1]}/k{i}", os.O_RDWR | os.O_CREAT) for i in range(4)]
try:
    for _ in range(8):
        for fd in fds:
            os.write(fd, bytes(1 << 20))
    assert False, "nothing was refused"
except OSError as e:
    assert e.errno == errno.ENOSPC, e
'
	expect "pending megabytes" 8 "$(jq '.memory.pending_bytes / 1048576 | ceil' "$MNT/.cachefs/stats.json")"
	expect "megabytes of another user" 8 "$(bytes_that_fit 1002 other)"
	let_go
	wait_until 20 nothing_is_pending
	expect "megabytes of the owner" 16 "$(bytes_that_fit 0 owners)"
	expect "megabytes of the first user" 8 "$(bytes_that_fit 1001 first)"
}

nothing_is_pending() {
	[[ $(jq .memory.pending_bytes "$MNT/.cachefs/stats.json") = 0 ]]
}

test_who_writes_into_anothers_file_is_charged_for_it() {
	mount_bounded '"pending_max_bytes": 16777216'
	: >"$MNT/k"
	chmod 666 "$MNT/k"
	exec {owners}<>"$MNT/k"
	expect "megabytes of a stranger" 8 "$(bytes_that_fit 1001 k)"
	exec {owners}>&-
}

run_tests
