# The kernel's timeout of requests (Linux 6.15 and later): one request that is not answered in time ends the
# whole mount. In these tests the daemon asks for one (CACHEFS_REQUEST_TIMEOUT); the kernel rounds it up to 15
# s and looks every 15 s, so where nothing but the daemon's own limit is tested, a shorter one will do.

[[ -e /proc/sys/fs/fuse/max_request_timeout ]] || NO_TIMEOUTS=1

with_timeout() {
	[[ ! ${NO_TIMEOUTS:-} ]] || skip "this kernel has no request timeout"
	with_test_switches
	export CACHEFS_REQUEST_TIMEOUT=$1
}

# Another program's transaction: it reads, and lets nobody write.
lock_database() {
	coproc LOCKER { sqlite3 db.sqlite; }
	printf '.timeout 60000\nBEGIN %s; SELECT 1;\n' "${1:-IMMEDIATE}" >&"${LOCKER[1]}"
	read -r -t 60 <&"${LOCKER[0]}"
}

unlock_database() {
	local pid=$LOCKER_PID
	printf 'ROLLBACK;\n.quit\n' >&"${LOCKER[1]}"
	wait "$pid" || true
}
