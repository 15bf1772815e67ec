#!/bin/bash
# Locks of one user leave descriptors, and locks, for the others.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/other_users.sh"

# mount_with_descriptors DESCRIPTORS: which the daemon may have
mount_with_descriptors() {
	others_may_come
	echo '{"layers": [{"type": "memory", "options": {"max_bytes": 1000}}, {"type": "disk", "options": {"path": "db.sqlite"}}]}' >cachefs.json
	(ulimit -n "$1" && exec "$CACHEFS" -f -o allow_other cachefs.json "$MNT") </dev/null >>"$LOG" 2>&1 &
	DAEMON_PID=$!
	echo "$DAEMON_PID" >"$TMP/.daemon"
	wait_until 60 daemon_is_up
	chmod 777 "$MNT"
}

# holds UID SCRIPT [ARGUMENT...]: it goes on when it has said something, and holds what it has until let_go.
holds() {
	local said
	exec {said}< <(exec python3 -ES "$ROOT/tests/helpers/as_user.py" "$1" "$2
sys.stdin.read()" "${@:3}" <&"$NOTHING_COMES")
	HOLDER=$!
	at_end "kill $HOLDER 2>/dev/null || true"
	read -r -t 60 -u "$said" SAID
}

let_go() {
	kill "$HOLDER"
}

# As many flocks as it gets, of one file by descriptors of its own.
many_flocks='
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
fds = []
try:
    while len(fds) < 2000:
        fds.append(os.open(sys.argv[1], os.O_RDONLY))
        fcntl.flock(fds[-1], fcntl.LOCK_SH)
    print(len(fds), flush=True)
except OSError as e:
    print(len(fds) - 1, errno.errorcode[e.errno], flush=True)
'

test_a_user_has_a_share_of_the_locks_and_gets_go_on() {
	mount_with_descriptors 4096
	set_value k v
	head -c 2000000 /dev/urandom >large
	cp large "$MNT/large"
	chmod 644 "$MNT/k" "$MNT/large"
	holds 1001 "$many_flocks" "$MNT/k"
	expect "flocks of one user" "512 ENOLCK" "$SAID"
	as_user 1002 'fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH)' "$MNT/k"
	flock -s "$MNT/k" true
	cmp large "$MNT/large"
	set_value other v
	let_go
	wait_until 20 as_user 1001 'fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$MNT/k"
}

test_files_that_are_locked_count_too() {
	mount_with_descriptors 4096
	holds 1001 '
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
fds = []
try:
    for i in range(2000):
        fds.append(os.open(f"{sys.argv[1]}/{i}", os.O_RDWR | os.O_CREAT))
        fcntl.lockf(fds[-1], fcntl.LOCK_EX)
except OSError as e:
    print(len(fds) - 1, errno.errorcode[e.errno], flush=True)
' "$MNT"
	expect "locked files of one user" "512 ENOLCK" "$SAID"
	as_user 1002 'fcntl.lockf(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)' "$MNT/k"
	let_go
}

test_ranges_have_a_bound() {
	mount_with_descriptors 4096
	as_user 1001 '
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
count = 0
try:
    for count in range(5000):
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 2 * count)
except OSError as e:
    assert e.errno == errno.ENOLCK, e
assert count == 4096, count
fcntl.lockf(fd, fcntl.LOCK_UN, 1, 0)
fcntl.lockf(fd, fcntl.LOCK_EX, 1, 100000)
fcntl.lockf(fd, fcntl.LOCK_UN)
fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
' "$MNT/k"
}

# Whoever asks is told who holds the lock, of very many.
test_getlk_names_the_holder_among_many() {
	mount_with_descriptors 16384
	python3 -ES - "$MNT/k" <<-'END'
		import fcntl, os, struct, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
		ready, done = os.pipe(), os.pipe()
		holders = []
		for i in range(300):
		    pid = os.fork()
		    if pid == 0:
		        os.close(done[1])
		        fcntl.lockf(fd, fcntl.LOCK_EX, 10, i * 20)
		        fcntl.lockf(fd, fcntl.LOCK_UN, 5, i * 20)
		        os.write(ready[1], b"x")
		        os.read(done[0], 1)
		        os._exit(0)
		    holders.append(pid)
		for _ in holders:
		    os.read(ready[0], 1)
		for i, pid in enumerate(holders):
		    asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, i * 20, 20, 0)
		    kind, _, start, size, holder = struct.unpack("hhqqi", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
		    assert (kind, start, size, holder) == (fcntl.F_WRLCK, i * 20 + 5, 5, pid), (i, pid, kind, start, size, holder)
		os.close(done[1])
		for pid in holders:
		    os.waitpid(pid, 0)
	END
}

run_tests
