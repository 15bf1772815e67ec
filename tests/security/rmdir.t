#!/bin/bash
# rmdir empties a prefix, as far as its caller could do it by unlink and rmdir.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/other_users.sh"

as() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

expect_kept() {
	expect_error "$1" as 1002 rmdir "$MNT/d"
	expect "what is below" "$kept" "$(find "$MNT/d" | sort)"
}

below_of() {
	as 1001 mkdir -p "$MNT/d/sub/deep"
	as 1001 sh -c 'echo x >"$0/d/k"; echo x >"$0/d/sub/deep/k"' "$MNT"
	kept=$(find "$MNT/d" | sort)
}

test_a_stranger_cannot_empty_a_directory_that_is_closed() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	below_of
	chmod 700 "$MNT/d"
	expect_kept "Permission denied"
	restart_daemon
	expect_kept "Permission denied"
	chmod 777 "$MNT/d" "$MNT/d/sub"
	expect_kept "Permission denied" # deep is 755
	chmod 777 "$MNT/d/sub/deep"
	chmod 775 "$MNT/d" # its group is 1001
	expect_kept "Permission denied"
	setpriv --reuid 1002 --regid 1002 --groups 1001 rmdir "$MNT/d"
	expect_absent d
}

test_its_owner_the_mounts_owner_and_root_empty_it() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	below_of
	chmod 700 "$MNT/d/sub"
	as 1001 rmdir "$MNT/d"
	expect_absent d
	below_of
	chmod 000 "$MNT/d/sub/deep"
	rmdir "$MNT/d"
	expect_absent d
}

test_an_empty_directory_needs_no_rights_in_it() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	as 1001 mkdir -m 777 "$MNT/d"
	chmod 777 "$MNT/d"
	as 1001 mkdir -m 700 "$MNT/d/empty"
	as 1002 rmdir "$MNT/d"
	expect_absent d
}

test_in_a_sticky_directory_each_has_its_own() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	as 1001 mkdir "$MNT/d"
	chmod 1777 "$MNT/d"
	as 1001 sh -c 'echo x >"$0/d/k"' "$MNT"
	as 1002 sh -c 'echo x >"$0/d/own"' "$MNT"
	kept=$(find "$MNT/d" | sort)
	expect_kept "Operation not permitted"
	rm "$MNT/d/k"
	as 1002 rmdir "$MNT/d"
	expect_absent d
}

test_what_is_still_written_counts() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	as 1001 mkdir "$MNT/d"
	chmod 755 "$MNT/d"
	open_writer w d/pending
	tell w write x
	expect_error "Permission denied" as 1002 rmdir "$MNT/d"
	tell w close
	expect_value d/pending x
}

test_what_others_stored_is_the_mount_owners_to_remove() {
	mount_for_all '{"layers": ['"$MEMORY, $DISK"']}'
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, updated_at) VALUES('d/e/k', 'x', 1)"
	kept=$(find "$MNT/d" | sort)
	expect_kept "Permission denied"
	rmdir "$MNT/d"
	expect_absent d
}

run_tests
