#!/bin/bash
# The switches of the program that print or check something and mount nothing.
. "$(dirname "$0")/../lib.sh"

# cachefs_says STATUS ARGUMENT...: runs it; what it says is in ./out and ./err.
cachefs_says() {
	local rc=0 status=$1
	shift
	timeout 20 "$CACHEFS" "$@" >out 2>err </dev/null || rc=$?
	cat err >>"$LOG"
	expect "status of $*" "$status" "$rc"
}

test_a_good_configuration_passes_the_check_in_silence() {
	echo '{"memory": {"max_entries": 5}}' >c.json
	cachefs_says 0 --check-config c.json
	expect "output" "" "$(cat out err)"
	cachefs_says 0 --check-config
	expect "output for the built-in one" "" "$(cat out err)"
	[[ ! -e .cache ]] || fail "the check made something"
}

test_a_wrong_configuration_fails_the_check_with_every_problem() {
	printf '{"type": "memory",\n "options": {"max_entires": 5,\n  "max_bytes": 0}}\n' >c.json
	cachefs_says 1 --check-config c.json
	expect "output" "" "$(<out)"
	expect "problems" 'cachefs: c.json:2: $.options.max_entires: unknown option of type "memory"; did you mean "max_entries"?
cachefs: c.json:3: $.options.max_bytes: 0 is out of range: at least 1' "$(<err)"
}

test_more_problems_than_anyone_reads_are_counted() {
	{ printf '{"x": 1'; printf ', "x%s": 1' {1..99}; echo '}'; } >c.json
	cachefs_says 1 --check-config c.json
	expect "lines" 51 "$(wc -l <err)"
	expect "last line" "cachefs: and 50 more" "$(tail -n 1 err)"
}

test_the_printed_configuration_mounts_again_and_prints_the_same() {
	echo '{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 2.5}, "cachefs": {"xattr": false}}' >c.json
	cachefs_says 0 --print-config c.json
	mv out printed.json
	expect "a default filled in" 1024 "$(jq '.layers[0].options.inline_limit_kb' printed.json)"
	expect "the path" "\"$TMP/db.sqlite\"" "$(jq '.layers[0].options.path' printed.json)"
	mkdir elsewhere
	cp printed.json elsewhere/
	cachefs_says 0 --print-config elsewhere/printed.json
	cmp printed.json out
	start_daemon elsewhere/printed.json
	set_value k value
	expect_value k value
	test -f db.sqlite
	expect "config.json of the mount" "$(jq -S . printed.json)" "$(jq -S . "$MNT/.cachefs/config.json")"
}

test_a_secret_is_masked_and_the_mask_is_no_password() {
	echo '{"type": "redis", "options": {"password": "hunter2"}}' >c.json
	"$CACHEFS" --check-config c.json 2>err || {
		grep -q 'unknown type "redis"' err && skip "no type has a secret yet"
		fail "$(<err)"
	}
	cachefs_says 0 --print-config c.json
	if grep -q hunter2 out err; then
		fail "the password is shown"
	fi
	mv out masked.json
	cachefs_says 1 --check-config masked.json
	grep -qF 'options.password: this is what a printed configuration shows instead of the secret; write the secret itself in its place' err
}

test_broken_json_does_not_show_what_may_be_a_password() {
	printf '{"type": "redis", "options": {"password": "hunter2\n}}' >c.json
	cachefs_says 1 --check-config c.json
	printf '{"password": "a" "hunter2"}' >d.json
	cachefs_says 1 --check-config d.json
	if grep -q hunter "$LOG"; then
		fail "$(<err)"
	fi
}

test_the_example_passes_the_check_and_mounts() {
	cachefs_says 0 --example-config
	mv out example.json
	jq . example.json >/dev/null
	cachefs_says 0 --check-config example.json
	export HOME=$TMP
	start_daemon example.json
	set_value k value
	expect_value k value
	test -f .cache/cachefs/example.sqlite
}

test_a_task_that_mounts_nothing_takes_nothing_for_a_mount() {
	cachefs_says 2 --check-config c.json "$MNT"
	expect "a mount point" "cachefs: one word too many for --check-config: \"$MNT\"; it mounts nothing, so leave the mount point out" "$(<err)"
	cachefs_says 2 --example-config c.json
	grep -qF 'one word too many for --example-config: "c.json"' err
	cachefs_says 2 --check-config --print-config
	expect "two tasks" "cachefs: --check-config and --print-config do not go together; run cachefs once for each" "$(<err)"
	cachefs_says 2 --print-config -o ro
	expect "a mount option" "cachefs: --print-config mounts nothing; leave -f, -d and -o out" "$(<err)"
}

test_output_that_cannot_be_written_is_a_failure() {
	local rc=0
	"$CACHEFS" --print-options >/dev/full 2>err || rc=$?
	expect "status" 1 "$rc"
	grep -q 'cannot write to the output' err
}

run_tests
