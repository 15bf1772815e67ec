#!/bin/bash
# What watches of directories and files see. The kernel tells of what programs of this host do
# through the mount; it knows nothing of what the cache does by itself.
. "$(dirname "$0")/../lib.sh"

EVENTS=create,modify,attrib,close_write,moved_to,moved_from,delete,delete_self,move_self

# watch PATH: until the test ends; what it sees is in the file "seen".
watch() {
	type inotifywait >/dev/null 2>&1 || skip "no inotifywait"
	: >seen
	inotifywait -m --format '%e %f' -e "$EVENTS" -o seen "$MNT/$1" 2>watcher &
	WATCHER=$!
	trap 'kill "$WATCHER" 2>/dev/null; tear_down' EXIT
	wait_until 20 grep -q "Watches established" watcher
}

has_seen() {
	grep -qx "$1" seen
}

# expect_seen EVENT...: these and no others since the watch began, attributes and all. A directory's
# watch gets a file of its own at the end, to know that nothing more is to come. (The kernel merges
# equal events that nobody has read yet, or not.)
expect_seen() {
	: >"$MNT/${1#in:}/end"
	wait_until 20 has_seen "CLOSE_WRITE,CLOSE end"
	shift
	expect "events" "$*" "$(grep -v ' end$' seen | sed "s/,CLOSE / /" | uniq | paste -sd' ')"
}

test_a_directory_sees_sets_and_renames_and_unlinks() {
	mount_stack
	mkdir "$MNT/d"
	set_value d/k v
	watch d
	set_value d/k new
	set_value d/n x
	mv "$MNT/d/n" "$MNT/d/m"
	chmod 600 "$MNT/d/m"
	rm "$MNT/d/m"
	expect_seen in:d "MODIFY k" "CLOSE_WRITE k" "CREATE n" "MODIFY n" "CLOSE_WRITE n" \
		"MOVED_FROM n" "MOVED_TO m" "ATTRIB m" "DELETE m"
}

test_a_directory_sees_a_file_written_beside_and_renamed() {
	mount_stack
	mkdir "$MNT/d"
	set_value d/k v
	watch d
	set_value d/k.tmp new
	mv "$MNT/d/k.tmp" "$MNT/d/k"
	expect_seen in:d "CREATE k.tmp" "MODIFY k.tmp" "CLOSE_WRITE k.tmp" "MOVED_FROM k.tmp" "MOVED_TO k"
}

test_a_directory_does_not_see_expiry_nor_eviction_nor_a_command() {
	mount_with '{"type": "memory", "options": {"max_entries": 3}}'
	mkdir "$MNT/d"
	set_value d/old x
	set_value d/short x
	set_value d/gone x
	watch d
	set_ttl d/short 0
	wait_until 10 is_gone d/short
	control "invalidate d/gone"
	is_gone d/gone
	set_value a x
	set_value b x
	set_value c x
	wait_until 10 is_gone d/old
	expect_seen in:d "ATTRIB short"
}

test_a_directory_that_is_removed_with_its_keys_says_so_once() {
	mount_stack
	mkdir "$MNT/d" "$MNT/d/e"
	set_value d/e/k x
	watch d
	rmdir "$MNT/d/e"
	expect_seen in:d "DELETE,ISDIR e"
}

test_a_file_is_watched_until_it_is_replaced() {
	mount_stack
	set_value k v
	watch k
	printf in-place >>"$MNT/k"
	wait_until 20 has_seen "CLOSE_WRITE,CLOSE "
	grep -qx "MODIFY " seen
	set_value k.tmp new
	mv "$MNT/k.tmp" "$MNT/k"
	wait_until 20 has_seen "DELETE_SELF "
	local before
	before=$(wc -l <seen)
	set_value k newer
	expect_value k newer
	expect "events after that" "$before" "$(wc -l <seen)"
}

run_tests
