# Words for tests of databases that are none, are read-only or are locked.

TEST_SECONDS=120

mount_stack_over() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "'"$1"'"}}]}'
}

expect_down() {
	wait_until 20 grep -q 'layer "disk" down' "$LOG"
	expect down true "$(layer_stat disk down)"
	[[ $(layer_stat disk trouble) ]] || fail "no trouble is told"
}

# With a program that looks at close(), which a shell's > does not.
set_works() {
	printf %s "$2" >to-set
	timeout 30 cp to-set "$MNT/$1" 2>/dev/null
}
