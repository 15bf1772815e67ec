# A long job (a prefix of very many keys, the rename of a directory of them, an upgrade) is nobody else's:
# sets, gets and removals of other keys go on meanwhile, and none of them fails. (What changes names in the
# very directory where one is removed or renamed waits for that in the kernel.)

TEST_SECONDS=240
MANY=25000
FILES=5000

if [[ ${LONG-} ]]; then
	MANY=3000000
	FILES=300000
	TEST_SECONDS=1800
fi

# add_rows DATABASE DIRECTORY: MANY keys below it, as the Python package writes them.
add_rows() {
	sqlite3 "$1" >/dev/null "PRAGMA journal_mode=WAL;
		CREATE TABLE IF NOT EXISTS cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL,
			expires_at REAL, updated_at REAL NOT NULL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $MANY)
		INSERT INTO cache(cache_key, payload, updated_at)
			SELECT printf('$2/%07d', i), 'value ' || i, 1767225600 FROM n;"
}

rows_below() {
	sqlite3 -cmd '.timeout 20000' "$TMP/db.sqlite" \
		"SELECT count(*) FROM cache WHERE cache_key >= '$1/' AND cache_key < '${1}0'"
}

# in_the_background COMMAND...: its exit status goes to $TMP/status.
in_the_background() {
	{
		local rc=0
		"$@" >output 2>&1 || rc=$?
		echo "$rc" >status.part
		mv status.part status
	} &
}

# A part of what lies below the directory has gone, and a part has not.
is_in_the_middle() {
	local left=$("${BELOW:-rows_below}" "$1")
	((left > 0 && left < ${ALL:-MANY}))
}

# use_other_keys DIRECTORY: sets, gets and removes other keys until the command in the background has
# ended, also when a part of the directory's are done.
use_other_keys() {
	local count=0 between=0
	printf v >to-set
	until [[ -e status ]]; do
		cp to-set "$MNT/other/$count"
		cmp to-set "$MNT/other/$count"
		((count % 2)) || rm "$MNT/other/$count"
		count=$((count + 1))
		((between)) || ! is_in_the_middle "$1" || between=1
	done
	expect "the long job" 0 "$(<status)"
	((between)) || fail "none of $count sets of other keys was done before all of the long job was"
}
