#!/bin/bash
# A long job (a prefix of very many keys, the rename of a directory of them, an upgrade) is nobody
# else's: sets, gets and removals of other keys go on meanwhile, and none of them fails. (What changes names
# in the very directory where one is removed or renamed waits for that in the kernel.)
. "$(dirname "$0")/../lib.sh"

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

# FILES files of the type "file" with keys below the directory.
add_files() {
	mkdir -p files
	awk -v dir="$1" -v name="${1//\//_}" -v files="$FILES" 'BEGIN {
		for (i = 1; i <= files; i++) {
			file = "files/" name "_" i ".json"
			printf "{\"key\": \"%s/%d\", \"payload\": {\"text\": \"value\"}, \"expires_at\": null}\n", dir, i >file
			close(file)
		}
	}'
}

files_below() {
	find "$TMP/files" -name "${1//\//_}_*.json" | wc -l
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

test_a_prefix_of_very_many_keys_goes_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	set_value a/old/more v
	in_the_background rmdir "$MNT/a/old"
	use_other_keys a/old
	expect rows 0 "$(rows_below a/old)"
	expect_absent a/old
	expect_value other/1 v
}

test_invalidate_of_all_goes_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	in_the_background sh -c "echo 'invalidate a/old/' >'$MNT/.cachefs/control'"
	use_other_keys a/old
	expect rows 0 "$(rows_below a/old)"
}

test_a_directory_of_very_many_keys_is_renamed_while_other_keys_are_used() {
	add_rows db.sqlite a/old
	mount_stack
	mkdir "$MNT/other"
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	use_other_keys a/old
	expect rows "0 $MANY" "$(rows_below a/old) $(rows_below a/new)"
	expect_value a/new/0000001 "value 1"
	expect_absent a/old
}

mount_files() {
	BELOW=files_below ALL=FILES
	add_files a/old
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	grep -q value "$MNT/a/old/$FILES"
	mkdir "$MNT/other"
}

test_a_prefix_of_many_files_goes_while_other_keys_are_used() {
	mount_files
	in_the_background rmdir "$MNT/a/old"
	use_other_keys a/old
	expect files 0 "$(files_below a/old)"
	expect_absent a/old
}

test_a_directory_of_many_files_is_renamed_while_other_keys_are_used() {
	mount_files
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	use_other_keys a/old
	expect "names" "$FILES" "$(ls "$MNT/a/new" | wc -l)"
	expect_absent a/old
	grep -q value "$MNT/a/new/$FILES"
}

moved_some() {
	(($(rows_below a/new) > 0))
}

test_a_rename_that_a_crash_interrupts_is_whole_after_the_restart() {
	add_rows db.sqlite a/old
	mount_stack
	in_the_background mv "$MNT/a/old" "$MNT/a/new"
	wait_until 100 moved_some
	kill_daemon
	expect rows "0 $MANY" "$(rows_below a/old) $(rows_below a/new)"
	expect_value "a/new/$(printf %07d $MANY)" "value $MANY"
	expect_absent a/old
}

run_tests
