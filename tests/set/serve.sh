# Words for tests of "on_error": "serve".

# mount_serving LAYER [MEMBERS] [SETTINGS]: memory over that layer
mount_serving() {
	mount_with '{"layers": [{"type": "memory"}, '"$1"'], "on_error": "serve"'"${2:+, $2}"',
		"cachefs": {"state_dir": "state"'"${3:+, $3}"'}}'
}

number() {
	jq ".$1" "$MNT/.cachefs/stats.json"
}

# times TEXT: in the log
times() {
	grep -c "$1" "$LOG" || true
}
