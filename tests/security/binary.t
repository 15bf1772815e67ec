#!/bin/bash
# What the compiler and the linker were asked for, read from the program; and what is not in it.
. "$(dirname "$0")/../lib.sh"

headers() {
	readelf -hldW "$CACHEFS"
}

# symbols PATTERN: how many of those that it has or wants match
symbols() {
	readelf -sW "$CACHEFS" | awk '{ print $8 }' | grep -cE "$1" || true
}

is_sanitized() {
	[[ $(symbols '^__(asan|tsan)_init') != 0 ]]
}

test_it_can_lie_anywhere_and_no_page_is_written_and_run() {
	headers >headers
	grep -qE 'Type: +DYN' headers
	grep -qE 'FLAGS_1.*PIE' headers
	grep -qE 'GNU_STACK .* RW ' headers
	! grep -E 'LOAD .* RWE ' headers || fail "a segment is written and run"
}

test_what_the_linker_resolves_is_read_only_before_main() {
	headers >headers
	grep -q GNU_RELRO headers
	grep -qE 'FLAGS_1.*NOW' headers
	grep -qE 'BIND_NOW' headers
	! grep -q TEXTREL headers || fail "text is relocated"
}

test_stacks_are_guarded() {
	[[ $(symbols '^__stack_chk_fail') != 0 ]]
	[[ $(uname -m) = x86_64 ]] || skip "looks for instructions of x86-64"
	is_sanitized || objdump -d --no-show-raw-insn "$CACHEFS" | grep -qE 'orq? +\$0x0,(0x0)?\(%rsp\)'
}

test_jumps_lead_to_where_functions_begin() {
	[[ $(uname -m) = x86_64 ]] || skip "looks for instructions of x86-64"
	objdump -d --no-show-raw-insn --disassemble=main "$CACHEFS" | grep -A 1 '<main>:' | grep -q endbr64
}

test_calls_that_know_the_size_of_their_buffer_check_it() {
	! is_sanitized || skip "the sanitizer checks them"
	[[ $(symbols '_chk(@|$)') -gt 5 ]] || fail "$(symbols '_chk(@|$)') of them"
}

test_no_switch_for_tests_is_in_it() {
	! is_sanitized || skip "a build for tests"
	! grep -qa CACHEFS_BREAK "$CACHEFS" || fail "CACHEFS_BREAK is in it"
	! grep -qa CACHEFS_REQUEST_TIMEOUT "$CACHEFS" || fail "CACHEFS_REQUEST_TIMEOUT is in it"
	! grep -qaE 'publish-at-open|ack-before-commit' "$CACHEFS" || fail "a promise to break is in it"
	export CACHEFS_BREAK=publish-at-open
	mount_stack
	open_writer w k
	expect_error "No such file" cat "$MNT/k"
	tell w close
}

test_with_switches_they_are_in_it() {
	with_test_switches
	grep -qa CACHEFS_BREAK "$CACHEFS"
}

run_tests
