# Words for tests of programs: a mount whose rmdir refuses a directory that is not empty, as on a disk.

mount_for_programs() {
	mount_stack '"rmdir": "empty_only"'
}

mount_for_editors() {
	mount_for_programs
	printf 'one\ntwo\nthree\n' >"$MNT/text"
	chmod 640 "$MNT/text"
}

mount_for_work() {
	mount_for_programs
	export HOME=$TMP GIT_CONFIG_NOSYSTEM=1
	git config --global user.name t
	git config --global user.email t@example.org
	git config --global init.defaultBranch main
}
