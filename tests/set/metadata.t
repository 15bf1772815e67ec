#!/bin/bash
# Mode, owner, times, attributes and links of an entry stay what they were set to.
. "$(dirname "$0")/../lib.sh"

test_mode_owner_and_times_survive_a_restart() {
	mount_stack
	set_value k value
	chmod 640 "$MNT/k"
	[[ $(id -u) != 0 ]] || chown 12:34 "$MNT/k"
	touch -d '2003-04-05 06:07:08.123456789 UTC' "$MNT/k"
	local before
	before=$(stat -c '%a %u %g %.9Y %s' "$MNT/k")
	[[ $before = "640 "*" 1049522828.123456789 5" ]] || fail "stat says $before"
	restart_daemon
	expect "after the restart" "$before" "$(stat -c '%a %u %g %.9Y %s' "$MNT/k")"
}

test_the_mode_of_a_creation_obeys_the_umask() {
	mount_stack
	(umask 027 && echo x >"$MNT/k" && mkdir "$MNT/d")
	expect modes "640 750" "$(stat -c %a "$MNT/k" "$MNT/d" | paste -sd' ')"
}

test_chmod_does_not_disturb_the_value_or_its_readers() {
	mount_stack
	set_value k value
	open_reader r k
	chmod 600 "$MNT/k"
	expect_read r value
	expect_value k value
}

test_an_overwrite_keeps_mode_and_identity() {
	mount_stack
	set_value k old
	chmod 600 "$MNT/k"
	local before
	before=$(stat -c '%a %i' "$MNT/k")
	set_value k new
	expect "mode and inode" "$before" "$(stat -c '%a %i' "$MNT/k")"
	mv "$MNT/k" "$MNT/moved"
	expect "after rename" "$before" "$(stat -c '%a %i' "$MNT/moved")"
}

test_user_attributes_are_kept_by_cp_and_restart() {
	mount_stack
	set_value k value
	setfattr -n user.colour -v "dark red" "$MNT/k"
	cp -a "$MNT/k" "$MNT/copy"
	restart_daemon
	expect "the copy's attribute" "dark red" "$(get_xattr copy user.colour)"
	setfattr -x user.colour "$MNT/copy"
	expect_error "No such attribute" getfattr -n user.colour "$MNT/copy"
	expect "the other's attribute" "dark red" "$(get_xattr k user.colour)"
}

test_symbolic_links_are_kept() {
	mount_stack
	set_value target value
	ln -s target "$MNT/link"
	expect target target "$(readlink "$MNT/link")"
	expect_value link value
	restart_daemon
	expect "target after a restart" target "$(readlink "$MNT/link")"
	expect_value link value
	ln -s dangling "$MNT/other"
	mv -T "$MNT/other" "$MNT/link"
	expect "target after rename" dangling "$(readlink "$MNT/link")"
}

# An empty file is stored by its last RELEASE, which comes after close(): utimens right then.
test_a_time_set_while_an_empty_file_is_being_stored_stays() {
	mount_stack
	python3 - "$MNT" <<-'PYTHON'
	import os, sys
	paths = [os.path.join(sys.argv[1], str(i)) for i in range(500)]
	for path in paths:
	    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
	    os.utime(path, (1, 1000000000))
	lost = [path for path in paths if os.stat(path).st_mtime != 1000000000]
	assert not lost, "%d of 500" % len(lost)
	PYTHON
}

test_the_time_given_to_a_directory_stays_until_a_child_comes_or_goes() {
	mount_stack
	mkdir "$MNT/d"
	echo x >"$MNT/d/k"
	touch -d @1000000000 "$MNT/d"
	expect "given" 1000000000 "$(stat -c %Y "$MNT/d")"
	cat "$MNT/d/k" >/dev/null
	echo y >"$MNT/d/k"
	expect "after an overwrite" 1000000000 "$(stat -c %Y "$MNT/d")"
	touch -d @4000000000 "$MNT/d"
	echo x >"$MNT/d/new"
	[[ $(stat -c %Y "$MNT/d") -lt 4000000000 ]]
	touch -d @1000000000 "$MNT/d"
	rm "$MNT/d/new"
	[[ $(stat -c %Y "$MNT/d") -gt 1000000000 ]]
}

# The kernel holds the file by an inode that never became the version: its size was told while it was written.
test_a_renamed_file_is_not_shown_as_what_has_its_old_name_now() {
	mount_stack '"entry_timeout": 60'
	open_writer w k rw,creat
	tell w write "ten  bytes"
	expect size 10 "$(stat -c %s "$MNT/k")"
	tell w close
	mv "$MNT/k" "$MNT/l"
	set_value k other
	expect size 10 "$(stat -c %s "$MNT/l")"
	expect size 5 "$(stat -c %s "$MNT/k")"
	expect_value l "ten  bytes"
}

run_tests
