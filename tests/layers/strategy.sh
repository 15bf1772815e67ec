# Words for tests of strategies: a layer "fast" over a layer "slow".

# mount_layers "LAYER,LAYER" [MEMBERS]
mount_layers() {
	mount_with '{"layers": ['"$1"']'"${2:+, $2}"'}'
}

MEMORY='{"type": "memory", "name": "fast"}'
DISK='{"type": "disk", "name": "slow", "options": {"path": "db.sqlite"}}'

layers_of() {
	get_xattr "$1" user.cachefs.layers
}

expect_layers() {
	expect "layers of $1" "$2" "$(layers_of "$1")"
}

is_in_layers() {
	[[ $(layers_of "$1") = "$2" ]]
}

# A key that only the slow layer has: put there by a restart.
only_below() {
	set_value "$1" "$2"
	restart_daemon
	expect_layers "$1" slow
}
