# Words for tests of programs of people who write programs.

mount_for_work() {
	mount_stack '"rmdir": "empty_only"'
	export HOME=$TMP GIT_CONFIG_NOSYSTEM=1
	git config --global user.name t
	git config --global user.email t@example.org
	git config --global init.defaultBranch main
}
