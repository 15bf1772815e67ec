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
		server_is "$1 $way"
		use_it "$1 $way"
		server_is pass
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

run_tests
