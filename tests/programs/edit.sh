# Words for tests of editors and filters.

mount_for_editors() {
	mount_stack '"rmdir": "empty_only"'
	printf 'one\ntwo\nthree\n' >"$MNT/text"
	chmod 640 "$MNT/text"
}
