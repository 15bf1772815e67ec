#!/bin/bash
# The name of the server's host is asked for at a name server that never answers.
. "$(dirname "$0")/../mount/private.sh"
. "$(dirname "$0")/../lib.sh"

NAME_SERVER=127.77.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1)) # another run may have one

# An /etc/resolv.conf of this test's own. Nothing can end what asks there before it gives up, so that is soon here.
start_deaf_name_server() {
	python3 -ES -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("up", flush=True)
while True:
	print("asked", s.recvfrom(512), flush=True)' "$NAME_SERVER" >asked.log 2>&1 &
	at_end "kill $!"
	wait_until 60 grep -q up asked.log
	printf 'nameserver %s\noptions timeout:%s attempts:1\n' "$NAME_SERVER" "$1" >resolv.conf
	bind_over resolv.conf
	printf 'hosts: files dns\n' >nsswitch.conf
	bind_over nsswitch.conf
	printf '127.0.0.1 localhost\n' >hosts
	bind_over hosts
}

bind_over() {
	mount --bind "$1" "/etc/$1"
	at_end "umount -l /etc/$1"
}

mount_by_name() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "name": "shared", "options": {"host": "cache.example.test",
		"port": '"$1"', "socket_timeout": 1, "socket_connect_timeout": 1}},
		{"type": "disk", "options": {"path": "db.sqlite"}}], "cachefs": {"state_dir": "state"}}'
}

was_asked() {
	grep -q asked asked.log
}

trouble_is() {
	[[ $(layer_stat shared trouble) == *"$1"* ]]
}

test_a_name_server_that_does_not_answer_keeps_nobody_waiting() {
	start_deaf_name_server 30
	local start spent i
	start=$(now_ms)
	mount_by_name 6379
	wait_until 60 was_asked
	for ((i = 0; i < 10; i++)); do
		set_value "k$i" "v$i"
		expect_value "k$i" "v$i"
	done
	expect_miss absent
	wait_until 60 layer_is shared true
	wait_until 60 trouble_is "cache.example.test:6379: the name server does not answer"
	for ((i = 0; i < 10; i++)); do
		set_value "k$i" "w$i"
	done
	unmount
	spent=$(($(now_ms) - start))
	((spent < 25000)) || fail "it took $spent ms, and the name server's time is 30 s"
}

test_a_host_whose_name_is_known_at_last_is_used() {
	start_deaf_name_server 2
	local port=$((20000 + $$ % 10000))
	start_redis --port "$port"
	mount_by_name "$port"
	wait_until 60 trouble_is "does not answer"
	set_value k value
	echo "127.0.0.1 cache.example.test" >>hosts
	wait_until 90 layer_is shared false
	set_value k new
	expect "cache-get" new "$(redis cache-get k)"
}

# The connection is lost, the name too: it is tried where it was.
test_a_server_that_was_reached_is_reached_again_without_the_name_server() {
	start_deaf_name_server 30
	local port=$((20000 + $$ % 10000))
	start_redis --port "$port"
	echo "127.0.0.1 cache.example.test" >>hosts
	mount_by_name "$port"
	wait_until 60 layer_is shared false
	set_value k value
	stop_redis
	printf '127.0.0.1 localhost\n' >hosts
	set_value k new
	expect_value k new
	expect down true "$(layer_stat shared down)"
	start_redis --port "$port"
	wait_until 60 layer_is shared false
	set_value k newer
	expect "cache-get" newer "$(redis cache-get k)"
}

run_tests
