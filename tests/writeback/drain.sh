# Words for tests of the drain of the journal.

# write_back: memory over disk, the journal in $TMP/state.
mount_write_back() {
	mount_with '{"layers": [{"type": "memory"'"${2:+, $2}"'}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 1'"${1:+, $1}"'}}'
}

# Another program holds the database's lock, so the disk layer takes nothing: lock_disk ... unlock_disk
lock_disk() {
	coproc LOCKER { python3 -c '
import sqlite3, sys
db = sqlite3.connect("db.sqlite", isolation_level=None, timeout=20)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")'; }
	read -r word <&"${LOCKER[0]}"
	expect locker locked "$word"
}

unlock_disk() {
	echo >&"${LOCKER[1]}"
	wait "$LOCKER_PID"
}
