# Words for tests of the Python package on the database of the mount.

# package COMMAND...: by a process that has the database open all the time, as an application has
package() {
	if [[ ! ${PACKAGE_IN:-} ]]; then
		mkfifo .package.in .package.out
		python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite - <.package.in >.package.out 2>.package.err &
		exec {PACKAGE_IN}>.package.in {PACKAGE_OUT}<.package.out
	fi
	printf '%q ' "$@" >&"$PACKAGE_IN"
	echo >&"$PACKAGE_IN"
	read -r -t 30 PACKAGE_ANSWER <&"$PACKAGE_OUT" || fail "package $*: $(tail -n 1 .package.err)"
}

# Set here, so that memory has it.
hold() {
	set_value "$1" "$2"
	expect_value "$1" "$2"
	expect "layers of $1" memory,disk "$(get_xattr "$1" user.cachefs.layers)"
}

expect_layers() {
	expect "layers of $1" "$2" "$(get_xattr "$1" user.cachefs.layers)"
}
