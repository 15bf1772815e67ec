# Words for tests of mounts that do not come up.

# expect_sentence SENTENCE COMMAND...: status 1, that line alone on stderr, nothing mounted.
expect_sentence() {
	local sentence=$1 rc=0
	shift
	"$@" >said 2>&1 </dev/null || rc=$?
	expect "what it says" "cachefs: $sentence" "$(<said)"
	expect "exit status" 1 "$rc"
	if is_mounted "$MNT"; then
		fail "it left a mount"
	fi
}

memory_config() {
	printf '{"type": "memory", "cachefs": {"state_dir": "%s/state"}}' "$TMP" >"$TMP/c.json"
	chmod 755 "$TMP"
}
