# Words for tests of temporary files that nobody renames: memory over one layer, and when they are stored.

AT_ONCE='"scratch_publish_s": 0.1'

# over LAYERS [SETTINGS] [MEMBERS]: memory over these
over() {
	mount_with '{"layers": [{"type": "memory"}, '"$1"'], "cachefs": {"state_dir": "state", "drain_timeout": 1'"${2:+, $2}"'}'"${3:+, $3}"'}'
}

# The names that only the daemon has.
scratch_files_are() {
	[[ $(stat_of .memory.scratch_files) = "$1" ]]
}

is_in() {
	[[ -e $MNT/.cachefs/layers/$1/$2 ]]
}

is_not_in() {
	! is_in "$1" "$2"
}

sets() {
	stat_of .sets
}

nothing_is_synced() {
	[[ -z $(ls -A state/scratch) ]]
}

synced() {
	dd of="$MNT/$1" conv="fsync${2:+,$2}" oflag="${3:-sync}" status=none
}
