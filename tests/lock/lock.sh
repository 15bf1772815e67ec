# Words for tests of locks that are waited for: stats.json says how many wait.

waiting_locks_are() {
	[[ $(stat_of .waits.locks) = "$1" ]]
}

# Process a holds both kinds of lock, b and c have the file open.
two_locks() {
	set_value lock ""
	open_writer a lock rw
	tell a flock ex
	tell a setlk ex
	open_writer b lock rw
	open_writer c lock rw
}
