# Words for tests of invalidate-prefix: keys that share the beginnings of their names, over some layers.

invalidate_prefix() {
	control "invalidate-prefix $1"
}

met_nothing() {
	expect_error "No such file or directory" invalidate_prefix "$1"
}

set_keys() {
	mkdir -p "$MNT/prefix:b/c" "$MNT/d/pre/x" "$MNT/d/prefix" "$MNT/d/p" "$MNT/prefix:empty"
	local key
	for key in prefix:a prefix:b/c/k prefix: prefix 'prefix;' other d/pre/x/k d/prefix/k d/prey d/p/k d/q 'd/%_k' 'd/%xk'; do
		set_value "$key" "$key"
	done
	ls -lR "$MNT" >/dev/null # the kernel knows all of them
}

KERNEL='"cachefs": {"entry_timeout": 3600, "attr_timeout": 3600}'

# mount_layers LAYERS [MEMBERS]
mount_layers() {
	[[ $1 != *redis* ]] || start_redis
	mount_with '{"layers": ['"$1"'], '"$KERNEL${2:+, $2}"'}'
}
