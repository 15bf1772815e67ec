#!/bin/bash
# What the daemon may still do.
. "$(dirname "$0")/../lib.sh"

status() {
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$DAEMON_PID/status"
}

# In the order of capability.h: chown 0, dac_override 1, dac_read_search 2, fowner 3, sys_ptrace 19, sys_admin 21
KEPT=$((1 | 2 | 4 | 8 | 1 << 19 | 1 << 21))

test_as_root_it_keeps_the_capabilities_that_it_uses() {
	[[ $EUID = 0 ]] || skip "only root has any"
	mount_stack
	set_value k v
	for set in CapEff CapPrm CapBnd; do
		expect "$set beyond what it uses" 0 $((0x$(status $set) & ~KEPT))
	done
	expect CapInh 0 $((0x$(status CapInh)))
	expect NoNewPrivs 1 "$(status NoNewPrivs)"
	for task in /proc/"$DAEMON_PID"/task/*; do
		expect "CapEff of a thread" "$(status CapEff)" "$(awk '$1 == "CapEff:" { print $2 }' "$task/status")"
	done
}

test_with_them_it_serves_users_and_their_databases() {
	[[ $EUID = 0 ]] || skip "only root can be other users"
	mkdir -m 700 store
	chown 1001:1001 store
	setpriv --reuid 1001 --regid 1001 --clear-groups sh -c "cd /; : >'$TMP/store/db.sqlite'" 2>/dev/null ||
		(: >store/db.sqlite && chown 1001:1001 store/db.sqlite)
	chmod 600 store/db.sqlite
	chmod 711 "$TMP"
	echo '{"type": "disk", "options": {"path": "store/db.sqlite", "inline_limit_kb": 1}}' >c.json
	start_daemon -o allow_other c.json
	chmod 777 "$MNT"
	setpriv --reuid 1002 --regid 1002 --clear-groups sh -c 'head -c 5000 /dev/zero >"$0/k"' "$MNT"
	expect "bytes" 5000 "$(stat -c %s "$MNT/k")"
	expect "owners" 1001:1001 "$(find store -printf '%U:%G\n' | sort -u)"
	restart_daemon
	expect "bytes" 5000 "$(wc -c <"$MNT/k")"
}

run_tests
