# Words for tests of the size of a store: its database, log and value files.

TEST_SECONDS=120

# What is named in the store, with the log, in bytes.
stored_bytes() {
	find "$TMP"/db.sqlite* -type f -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'
}

watch_store() {
	local most=0 now again
	while [[ ! -e $TMP/stop ]]; do
		now=$(stored_bytes)
		((now <= most)) || { # a look takes time: it may add a file of before a change to one of after it
			again=$(stored_bytes)
			((again >= now)) || now=$again
		}
		((now <= most)) || { most=$now; echo "$most" >"$TMP/most"; }
	done
}

expect_kept_to() {
	(($(<most) <= $1)) || fail "$(<most) bytes were stored, more than $1"
}

# set_each NAME COUNT FILE: the last one is there
set_each() {
	local i
	for ((i = 1; i <= $2; i++)); do
		cp "$3" "$MNT/$1$i"
	done
	cmp "$3" "$MNT/$1$2"
}

stores_less_than() {
	(($(stored_bytes) < $1))
}
