# Words for tests of sets whose failure is known before their close.

# Commands of a shell, on $MNT: as it sees them.
in_shell() {
	MNT=$MNT bash -c "$1" _ "${@:2}"
}

expect_shell_error() {
	expect_error "$1" in_shell "$2"
}

# expect_write_error TEXT FILE KEY: said to who writes, not to who closes.
expect_write_error() {
	expect_error "$1" in_shell 'cat "$1" >"$MNT/$2"' "$2" "$3"
}
