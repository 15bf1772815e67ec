# Words for tests of what shell scripts rely on.

mount_for_scripts() {
	mount_stack '"rmdir": "empty_only"'
}
