#!/bin/bash
# Who sees a password, and what else is for the owner of the mount alone.
. "$(dirname "$0")/../lib.sh"

PASSWORD=correct-horse-battery-staple

as() {
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}

with_password() {
	printf '%s\n' '{"type": "redis", "options": {"unix_socket_path": "redis.sock", "password": "'$PASSWORD'"}}' >c.json
}

test_a_password_that_others_can_read_is_warned_of() {
	with_password
	chmod 644 c.json
	"$CACHEFS" --check-config c.json 2>said
	grep -q 'c.json: other users can read the password in it: chmod 600 it' said
	! grep -q $PASSWORD said
	start_redis --requirepass $PASSWORD
	start_daemon c.json
	grep -q 'c.json: other users can read the password in it' "$LOG"
	unmount
	chmod 600 c.json
	"$CACHEFS" --check-config c.json 2>said
	expect "what is said" "" "$(<said)"
	printf '{"type": "redis", "options": {"unix_socket_path": "redis.sock", "password_file": "secret"}}' >c.json
	echo $PASSWORD >secret
	chmod 640 secret
	"$CACHEFS" --check-config c.json 2>said
	grep -q 'secret: other users can read the password in it: chmod 600 it' said
	chmod 600 secret
	"$CACHEFS" --check-config c.json 2>said
	expect "what is said" "" "$(<said)"
	printf '{"type": "memory"}' >c.json
	chmod 644 c.json
	"$CACHEFS" --check-config c.json 2>said
	expect "what is said" "" "$(<said)"
}

# How often the password stands in the daemon's memory.
copies() {
	python3 -ES - "$DAEMON_PID" $PASSWORD <<-'END'
		import sys
		count, secret = 0, sys.argv[2].encode()
		with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
		    for line in open(f"/proc/{sys.argv[1]}/maps"):
		        area, flags = line.split()[:2]
		        if flags[0] != "r" or "[v" in line:
		            continue
		        start, end = (int(x, 16) for x in area.split("-"))
		        try:
		            memory.seek(start)
		            count += memory.read(end - start).count(secret)
		        except OSError:
		            pass
		print(count)
	END
}

test_one_copy_of_a_password_is_in_memory() {
	[[ $EUID = 0 ]] || skip "only root can look into the daemon"
	start_redis --requirepass $PASSWORD
	with_password
	start_daemon c.json
	! grep -q 'lib[at]san' "/proc/$DAEMON_PID/maps" || skip "a sanitizer keeps what was freed"
	set_value k v
	expect_value k v
	cat "$MNT/.cachefs/config.json" >/dev/null
	expect "copies" 1 "$(copies)"
}

begin_as_1001() {
	setpriv --reuid 1001 --regid 1001 --clear-groups "$@" >said 2>&1 &
	wait_until 20 has_become "$!" "${1##*/}"
}

has_become() {
	[[ $(<"/proc/$1/comm") = "$2" ]]
}

test_other_processes_of_its_user_cannot_look_into_the_daemon() {
	mount_stack
	expect "limit of cores" "0 0" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$DAEMON_PID/limits")"
	[[ $EUID = 0 ]] || skip "only root can start it as somebody else"
	chmod 711 "$TMP"
	cp "$CACHEFS" cachefs
	chmod 755 cachefs
	mkfifo -m 666 c.json
	begin_as_1001 ./cachefs --check-config c.json # waits for its configuration
	local checker=$!
	exec {config}>c.json
	expect_error "Permission denied" as 1001 cat "/proc/$checker/environ"
	expect_error "Permission denied" as 1001 head -c 1 "/proc/$checker/mem"
	echo '{"type": "memory"}' >&"$config"
	exec {config}>&-
	wait "$checker"
	begin_as_1001 sleep 60 # what it is like with another program
	checker=$!
	as 1001 cat "/proc/$checker/environ" >/dev/null
	kill "$checker"
}

test_config_json_is_for_the_owner_and_stats_name_no_place() {
	[[ $EUID = 0 ]] || skip "only root can be other users"
	chmod 711 "$TMP"
	start_redis
	printf '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}' >c.json
	start_daemon -o allow_other c.json
	stop_redis
	cat "$MNT/k" 2>/dev/null || true
	wait_until 20 layer_is redis true
	expect_error "Permission denied" as 1001 cat "$MNT/.cachefs/config.json"
	jq -e .layers "$MNT/.cachefs/config.json" >/dev/null
	as 1001 cat "$MNT/.cachefs/stats.json" "$MNT/.cachefs/metrics" >others
	for word in "$TMP" redis.sock "$(id -un)"; do
		! grep -F "$word" others || fail "others are told of $word"
	done
	expect "what others are told" '"told to the owner of the mount"' \
		"$(as 1001 cat "$MNT/.cachefs/stats.json" | jq '.layers[] | select(.name == "redis") | .trouble')"
	[[ $(layer_stat redis trouble) == *redis.sock* ]]
}

run_tests
