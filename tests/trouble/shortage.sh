# Words for tests of files and descriptors that the daemon cannot have.

mount_value_files() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 4}}'
}

# few_descriptors SPARE: no more for the daemon than it has open now, and these.
few_descriptors() {
	local limit=0 spare=$1
	until [[ ! -e /proc/$DAEMON_PID/fd/$limit ]] && ((spare-- == 0)); do
		((++limit))
	done
	prlimit --pid "$DAEMON_PID" --nofile="$limit:"
}

enough_descriptors() {
	prlimit --pid "$DAEMON_PID" --nofile=1024:
}

only_value_file() {
	echo db.sqlite.values/*
}
