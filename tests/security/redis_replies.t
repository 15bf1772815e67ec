#!/bin/bash
# A server that answers in any wrong way: never an end of the daemon, never a hang, never another value, and
# when it answers as a server does again, all is well.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/hostile.sh"

TEST_SECONDS=600

# replies COMMAND
replies() {
	local way
	mount_hostile
	prepare
	for way in type nil huge negative short slow extra nested error closed; do
		proxy_is "$1 $way"
		use_it "$1 $way"
		proxy_is pass
		wait_until 60 is_well
		grep -q "^$1 $way" damaged || fail "no answer to $1 was damaged by $way"
	done
	unmount
}

test_any_answer_to_get() {
	replies GET
}

test_any_answer_to_exec() {
	replies EXEC
}

test_any_answer_to_zrangebylex() {
	replies ZRANGEBYLEX
}

test_any_answer_to_strlen() {
	replies STRLEN
}

# PTTL is what servers before 7.0 are asked.
test_any_answer_to_the_question_for_an_expiry() {
	if redis-server --version | grep -q 'v=[0-6]\.'; then
		replies PTTL
	else
		replies PEXPIRETIME
	fi
}

# Nothing but what was asked for is moved, or removed.
test_pages_that_lie_outside_the_range() {
	local way
	mount_hostile
	prepare
	mkdir "$MNT/a" "$MNT/z"
	for way in outside again; do
		wait_until 60 set_at a/very/long/name/of/a/key
		wait_until 60 set_at z/last
		wait_until 60 set_at d/1
		proxy_is "ZRANGEBYLEX $way"
		in_time mv "$MNT/d" "$MNT/longer-than-it-was"
		in_time mv "$MNT/d" "$MNT/e"
		in_time rmdir "$MNT/e"
		in_time rmdir "$MNT/d"
		in_time ls -lR "$MNT"
		still_there "$way"
		grep -q "ZRANGEBYLEX $way" damaged
		proxy_is pass
		wait_until 60 holds a/very/long/name/of/a/key
		wait_until 60 holds z/last
		holds k
	done
}

# The member of a key of 47 bytes ("/") lies among those of the directory that its metadata spells.
test_a_member_of_a_shorter_key_is_not_among_a_directorys() {
	start_redis
	mount_with '{"layers": [{"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"cachefs": {"state_dir": "state"}}'
	local name
	head -c 47 /dev/zero | tr '\0' x >"$MNT/a"
	python3 -ES - "$TMP/redis.sock" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		key = b"accuralai:cache:a\0\1\3/below"
		s.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nv\r\n" % (len(key), key))
		s.recv(100)
	END
	wait_until 60 lists_more_than_one
	name=$(ls "$MNT" | grep -vx a)
	mv "$MNT/$name" "$MNT/b"
	expect_list b below
	expect "value of a" 47 "$(stat -c %s "$MNT/a")"
	expect "bytes of a" 47 "$(wc -c <"$MNT/a")"
	rmdir "$MNT/b"
	expect_list "" a
}

run_tests
