#!/bin/bash
# Three users at once, at random (helpers/users.py), over each kind of store; Redis damages one answer in a hundred.
# With the build of the address sanitizer for as long as it takes to find what it can.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/hostile.sh"

case $CACHEFS in *asan*) SECONDS_EACH=10 ;; *) SECONDS_EACH=4 ;; esac
[[ ! ${LONG:-} ]] || SECONDS_EACH=200
TEST_SECONDS=$((SECONDS_EACH + 240))

# by_users LAYERS: then all that was said is no report, and the daemon ends well
by_users() {
	printf '%s\n' '{"layers": ['"$1"'], "cachefs": {"state_dir": "state"}}' >cachefs.json
	start_daemon -o allow_other cachefs.json
	chmod 755 "$TMP"
	chmod 777 "$MNT"
	python3 -ES "$ROOT/tests/helpers/users.py" "$MNT" "$SECONDS_EACH" >report 2>&1 || fail "$(grep -v '^uid' report)"
	cat report >>"$LOG"
	still_there "$SECONDS_EACH s"
	unmount
	! grep -a 'runtime error\|AddressSanitizer\|Assertion' "$LOG" || fail "a report in the log"
}

test_memory_over_disk() {
	by_users '{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}'
}

test_files() {
	by_users '{"type": "file", "options": {"directory": "store"}}'
}

test_memory_over_redis_that_damages_one_answer_in_a_hundred() {
	start_hostile
	proxy_is "one-in 100 $SECONDS_EACH"
	by_users '{"type": "memory"}, {"type": "redis", "name": "shared", "options":
		{"unix_socket_path": "proxy.sock", "socket_timeout": 1}}'
	(($(wc -l <damaged) > 5)) || fail "only $(wc -l <damaged) answers were damaged"
}

run_tests
