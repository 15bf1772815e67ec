#!/bin/bash
# A full disk below the journal: sets are refused, nothing that was acknowledged is lost, and once
# there is space again sets work and the layers get what they are owed.
. "$(dirname "$0")/../lib.sh"

# mount_state MIB [WAIT]: write_back, memory over files, the journal on a file system of that size
mount_state() {
	small_disk "$1"
	mkdir files
	mount --bind files files
	at_end 'umount "$TMP/files"'
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "store/state", "drain_timeout": 1,
		"journal_wait": '"${2:-0.3}"'}}'
}

# The slower layer takes nothing: its directory is read-only, or not any more.
close_files() {
	mount -o remount,ro,bind files
}

open_files() {
	mount -o remount,rw,bind files
}

# Value files of the journal that no row names.
expect_no_litter() {
	expect "value files" "$1" "$(find store/state/state.sqlite.values -type f 2>/dev/null | wc -l)"
	expect integrity ok "$(state_says store/state 'PRAGMA integrity_check')"
}

# With the ballast of another program, and the slower layer away: check_ballast SIZE FILES
check_ballast() {
	letters old o "$1"
	letters new n "$1"
	cp old "$MNT/k"
	wait_until 20 is_drained
	close_files
	cp old "$MNT/k1"
	fill_up
	local i taken=() refused=0
	for i in {1..200}; do
		((refused == 0)) || break
		if set_succeeds new "t$i"; then
			taken+=("t$i")
		else
			((++refused))
		fi
	done
	((refused > 0)) || fail "200 sets of $1 bytes fitted in nothing"
	head -c $(($1 < 60000 ? 60000 : 2 * $1)) /dev/zero >larger # than what it would take the place of
	expect_error "No space left on device" cp larger "$MNT/k1"
	cmp old "$MNT/k1"
	cmp old "$MNT/k"
	kill_daemon
	cmp old "$MNT/k1"
	cmp old "$MNT/k"
	for i in "${taken[@]}"; do
		cmp new "$MNT/$i"
	done
	space_again
	cp new "$MNT/k1"
	open_files
	wait_until 30 is_drained
	expect_no_litter 0
	restart_daemon
	cmp new "$MNT/k1"
	cmp old "$MNT/k"
	test -e files/k1.json
}

test_a_full_disk_refuses_small_sets_and_loses_none() {
	mount_state 4
	check_ballast 3000
}

test_a_full_disk_refuses_sets_of_files_and_loses_none() {
	mount_state 8
	check_ballast 900000
}

test_a_journal_that_filled_the_disk_itself_is_drained_and_goes_on() {
	mount_state 2
	close_files
	letters value v 30000
	local i taken=0
	while ((taken < 99)) && set_succeeds value "k$((taken + 1))"; do
		((++taken))
	done
	((taken > 10 && taken < 99)) || fail "$taken sets before the disk was full"
	expect_error "No space left on device" cp value "$MNT/one-more"
	expect_absent one-more
	open_files
	wait_until 30 is_drained
	expect files "$taken" "$(ls files/*.json | wc -l)"
	cp value "$MNT/one-more"
	wait_until 30 is_drained
	kill_daemon
	cmp value "$MNT/k1"
	cmp value "$MNT/k$taken"
	cmp value "$MNT/one-more"
	expect_no_litter 0
}

test_a_set_waits_for_the_space_that_the_drain_makes() {
	mount_state 4 60
	close_files
	letters value v 900000
	fill_in_background
	wait_until 30 grep -q 'journal: no space left on the disk' "$LOG"
	open_files
	wait "$FILLER"
	cmp value "$MNT/k8"
	wait_until 30 is_drained
	cmp value "$MNT/k1"
}

fill_in_background() {
	(for i in {1..8}; do cp value "$MNT/k$i" || exit; done) &
	FILLER=$!
}

test_a_directory_that_the_layer_cannot_move_stays_where_it_is() {
	mount_state 8
	mkdir "$MNT/d"
	set_value d/k value
	restart_daemon # so the layer alone has it
	close_files
	mkdir "$MNT/d/new"
	expect_error "Read-only file system" mv "$MNT/d" "$MNT/e"
	expect_value d/k value
	expect_list d "k new"
	expect_absent e
	open_files
	mv "$MNT/d" "$MNT/e"
	expect_value e/k value
	expect_list e "k new"
	expect_absent d
}

run_tests
