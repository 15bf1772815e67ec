#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Temporary names: what is written under them lives in the daemon until it is renamed. Those that nobody
# renames: set/rest.t.

# Nothing has reached a layer since the mount.
expect_layers_untouched() {
	expect "layers" '[0,0,0,0,0,0]' "$(stat_of '[.layers[] | .sets, .entries, (.calls.set.calls // 0)]')"
	expect "sets, hits" "[0,0]" "$(stat_of "[.sets, .hits]")"
}

rows() {
	sqlite3 db.sqlite 'SELECT cache_key FROM cache ORDER BY 1' | paste -sd' '
}

# make_drawn NAME TEXT: as mkstemp(3) makes a file, with O_EXCL and mode 0600.
make_drawn() {
	(
		umask 077
		set -C
		printf %s "$2" >"$MNT/$1"
	)
}

test_a_file_under_a_temporary_name_is_there_for_all_and_in_no_layer() {
	mount_stack
	local name
	for name in k.tmp k.tmp.17 k.part k.incomplete .k.swp k~ 4913 k.lock; do
		set_value "$name" "value of $name"
	done
	for name in tmpabc_1234 tmpabc_1234.txt .k.aB3dEf sedA1b2C3 tmp_obj_x8Yz12; do
		make_drawn "$name" "value of $name"
	done
	for name in k.tmp k.tmp.17 k.part k.incomplete .k.swp k~ 4913 k.lock tmpabc_1234 tmpabc_1234.txt \
		.k.aB3dEf sedA1b2C3 tmp_obj_x8Yz12; do
		expect_value "$name" "value of $name"
		expect "size of $name" "$((9 + ${#name}))" "$(stat -c %s "$MNT/$name")"
	done
	expect "names" 13 "$(ls -A "$MNT" | wc -l)"
	expect "scratch files" 13 "$(stat_of .memory.scratch_files)"
	expect_layers_untouched
	rm "$MNT"/* "$MNT"/.k.*
	expect "names left" "" "$(ls -A "$MNT")"
	expect "scratch files, bytes" '[0,0]' "$(stat_of '[.memory.scratch_files, .memory.pending_bytes]')"
	expect_layers_untouched
}

test_names_that_only_look_like_it_are_keys() {
	mount_stack
	local name
	for name in tmp lock part k.temp .env.sample .bashrc.backup sediment template k.swp; do
		set_value "$name" x
	done
	expect "sets" 9 "$(stat_of .sets)"
}

# As a program or a user makes them that has chosen the name.
test_names_that_look_drawn_are_keys_unless_they_are_made_as_drawn_ones_are() {
	mount_stack
	local name count=0
	for name in tmp_results.json tmp_dataset.csv tmpl_common tmpabc_1234 .k.aB3dEf sedA1b2C3 tmp_obj_x8Yz12 tmp.aB3dEf12Gh; do
		set_value "$name" x
		expect "sets" "$((++count))" "$(stat_of .sets)"
	done
	(set -C; umask 022; echo x >"$MNT/sedB1c2D3")
	expect "sets, of O_EXCL with another mode" "$((++count))" "$(stat_of .sets)"
	expect "scratch files" 0 "$(stat_of .memory.scratch_files)"
	make_drawn sedA1b2C4 x
	mktemp -p "$MNT" >/dev/null
	python3 -ESc 'import sys, tempfile; tempfile.mkstemp(dir=sys.argv[1])' "$MNT"
	expect "scratch files" 3 "$(stat_of .memory.scratch_files)"
	expect "sets" "$count" "$(stat_of .sets)"
}

test_writing_beside_and_renaming_is_exactly_one_set() {
	mount_stack
	set_value k old
	local before
	before=$(stat_of '[.sets, .layers[].sets]')
	set_value k.tmp new
	expect "before the rename" "$before" "$(stat_of '[.sets, .layers[].sets]')"
	expect_value k old
	mv "$MNT/k.tmp" "$MNT/k"
	expect "sets" '[2,2,2]' "$(stat_of '[.sets, .layers[].sets]')"
	expect "calls" '[[2,0,0],[2,0,0]]' "$(stat_of '[.layers[].calls | [.set, .rename, .remove | .calls // 0]]')"
	expect_value k new
	expect_list "" k
	restart_daemon
	expect_value k new
}

test_sed_i_is_one_set() {
	mount_stack
	set_value k "one two"
	sed -i s/two/2/ "$MNT/k"
	expect_value k "one 2"
	expect "sets" '[2,2,2]' "$(stat_of '[.sets, .layers[].sets]')"
}

test_the_rename_carries_all_metadata() {
	mount_stack
	set_value k.part content
	chmod 2751 "$MNT/k.part"
	chown 7:8 "$MNT/k.part"
	chmod 2751 "$MNT/k.part"
	setfattr -n user.colour -v red "$MNT/k.part"
	set_ttl k.part 600
	touch -d @1234567890.123456789 "$MNT/k.part"
	local before
	before=$(stat -c '%a %u %g %s %i %.9Y' "$MNT/k.part")
	local ttl
	ttl=$(get_xattr k.part user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl beforehand $ttl"
	mv "$MNT/k.part" "$MNT/k"
	restart_daemon
	expect "stat" "$before" "$(stat -c '%a %u %g %s %i %.9Y' "$MNT/k")"
	expect "xattr" red "$(get_xattr k user.colour)"
	ttl=$(get_xattr k user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
}

test_the_rename_takes_the_ttl_of_the_directory_it_goes_to() {
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 300
	set_value k.tmp x
	mv "$MNT/k.tmp" "$MNT/d/k"
	local ttl
	ttl=$(get_xattr d/k user.cachefs.ttl)
	((${ttl%.*} > 200 && ${ttl%.*} <= 300)) || fail "ttl $ttl"
}

test_what_is_being_written_can_be_read_at_once() {
	mount_stack
	open_writer w k.part
	tell w write first
	open_reader r k.part
	expect_read r first
	tell w write second
	expect_read r firstsecond
	expect_value k.part firstsecond
	tell w close
	expect_read r firstsecond
	printf ' third' >>"$MNT/k.part"
	expect_read r "firstsecond third"
	open_writer t k.part w,trunc
	expect_read r ""
	expect_layers_untouched
}

test_two_writers_share_the_file() {
	mount_stack
	open_writer a k.tmp w,creat,append
	open_writer b k.tmp w,creat,append
	tell a write 1
	tell b write 2
	tell a write 3
	expect_value k.tmp 123
	tell a close
	tell b close
	expect_value k.tmp 123
}

test_a_mapping_sees_what_others_write() {
	mount_stack
	set_value k.tmp 12345
	tell m open k.tmp rw
	tell m map 5
	tell m poke 0 X
	tell m msync
	expect_value k.tmp X2345
	tell r open k.tmp r
	tell m poke 1 Y
	expect_read r XY345
}

test_a_lock_file_excludes_by_o_excl_and_by_flock() {
	mount_stack
	set -C
	echo 1 >"$MNT/x.lock"
	! (echo 2 >"$MNT/x.lock") 2>/dev/null || fail "created twice"
	set +C
	expect_value x.lock 1
	open_reader a x.lock
	tell a flock ex
	! flock -n "$MNT/x.lock" true || fail "locked twice"
	rm "$MNT/x.lock"
	flock -n "$MNT/x.lock" true
	expect_value x.lock ""
	ln -s "host:1" "$MNT/y.lock"
	expect_error "File exists" ln -s "host:2" "$MNT/y.lock"
	expect "link" "host:1" "$(readlink "$MNT/y.lock")"
	expect "type in a listing" "y.lock" "$(find "$MNT" -type l -printf %f)"
	expect_layers_untouched
	mv "$MNT/y.lock" "$MNT/y"
	expect "link" "host:1" "$(readlink "$MNT/y")"
}

test_an_entry_that_gets_a_temporary_name_leaves_the_layers_and_comes_back() {
	mount_stack
	set_value k content
	set_ttl k 600
	local before
	before=$(stat -c '%a %i %.9Y' "$MNT/k")
	open_reader r k
	mv "$MNT/k" "$MNT/k~"
	expect_absent k
	expect_value k~ content
	expect_read r content
	expect "stat" "$before" "$(stat -c '%a %i %.9Y' "$MNT/k~")"
	expect "entries" '[0,0]' "$(stat_of '[.layers[].entries]')"
	set_value k other
	mv "$MNT/k~" "$MNT/k"
	expect_value k content
	expect "stat" "$before" "$(stat -c '%a %i %.9Y' "$MNT/k")"
	local ttl
	ttl=$(get_xattr k user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
	expect_list "" k
}

test_a_key_that_is_being_written_gets_a_temporary_name() {
	mount_stack
	open_writer w k
	tell w write first
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp first
	expect_absent k
	tell w write second
	tell w close
	expect_value k.tmp firstsecond
	expect_layers_untouched
}

# A set of the key, begun before, that is closed after the move: the name then has that file.
move_under_two_writers() {
	mount_stack
	set_value k "as it was"
	open_writer setter k w,trunc
	tell setter write new
	open_writer other k rw
	tell other write AS
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp "AS it was"
	expect "size" 9 "$(stat -c %s "$MNT/k.tmp")"
}

size_is() {
	[[ $(stat -c %s "$MNT/$1") = "$2" ]]
}

# Nothing is opened before stat has told its size.
expect_temporary_file() {
	wait_until 10 size_is k.tmp ${#1}
	expect_value k.tmp "$1"
	expect "listed" "$(stat -c %i "$MNT/k.tmp")" "$(ls -i "$MNT" | awk '/k.tmp/ { print $1 }')"
}

test_a_set_that_is_closed_after_the_move_is_what_the_temporary_name_shows() {
	move_under_two_writers
	tell other close
	expect "size" 9 "$(stat -c %s "$MNT/k.tmp")"
	tell setter close
	expect_temporary_file new
	rm "$MNT/k.tmp"
	expect_list . ""
}

test_the_last_of_two_closes_after_the_move_is_what_the_temporary_name_shows() {
	move_under_two_writers
	tell setter close
	expect_temporary_file new
	tell other write IS
	tell other close
	expect_temporary_file "ASISt was"
	rm "$MNT/k.tmp"
	expect_list . ""
}

# What its killed writer left is withheld from the key; under a temporary name it is a file.
test_what_a_killed_writer_left_can_be_moved_to_a_temporary_name_and_back() {
	mount_stack
	open_writer killed k w,creat
	open_writer other k rw
	tell killed write half
	kill_hand killed KILL
	mv "$MNT/k" "$MNT/k.tmp"
	expect_value k.tmp half
	mv "$MNT/k.tmp" "$MNT/k2"
	expect_value k2 half
	tell other close
	expect_list . k2
}

test_a_writer_follows_its_file_to_the_real_name() {
	mount_stack
	open_writer w k.part
	tell w write first
	mv "$MNT/k.part" "$MNT/k"
	expect_value k first
	tell w write second
	tell w close
	expect_value k firstsecond
	restart_daemon
	expect_value k firstsecond
}

test_from_one_temporary_name_to_another() {
	mount_stack
	set_value a.tmp a
	set_value b.part b
	mv "$MNT/a.tmp" "$MNT/b.part"
	expect_value b.part a
	expect_list "" b.part
	set_value c.tmp c
	mv -n "$MNT/c.tmp" "$MNT/b.part" || true
	expect_value b.part a
	expect_value c.tmp c
	expect "scratch files" 2 "$(stat_of .memory.scratch_files)"
	expect_layers_untouched
}

test_no_replace_is_kept() {
	mount_stack
	set_value k old
	set_value k.tmp new
	"$HELPERS/sys" rename2 "$MNT/k.tmp" "$MNT/k" NOREPLACE >answer
	expect "rename2" EEXIST "$(<answer)"
	expect_value k old
	expect_value k.tmp new
}

test_a_directory_is_renamed_and_removed_with_its_temporary_files() {
	mount_stack
	mkdir "$MNT/d" "$MNT/dir.tmp"
	set_value d/k.tmp x
	set_value dir.tmp/k y
	expect "sets" 1 "$(stat_of .sets)"
	mv "$MNT/d" "$MNT/e"
	expect_value e/k.tmp x
	mkdir "$MNT/f"
	expect_error "not empty" mv -T "$MNT/dir.tmp" "$MNT/e"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/e"
	expect_error "not empty" rmdir "$MNT/e"
	setfattr -x user.cachefs.rmdir "$MNT/e"
	open_reader r e/k.tmp
	rmdir "$MNT/e"
	expect_absent e/k.tmp
	expect_read r x
	tell r close
	expect "scratch files, bytes" '[0,0]' "$(stat_of '[.memory.scratch_files, .memory.pending_bytes]')"
	expect_value dir.tmp/k y
}

test_a_crash_leaves_no_litter_and_an_unmount_loses_nothing() {
	mount_stack
	set_value k x
	set_value k.tmp y
	head -c 3000000 /dev/zero >"$MNT/big.part"
	kill_daemon
	expect_list "" k
	expect "rows" k "$(rows)"
	expect "value files" "" "$(find db.sqlite.values -type f 2>/dev/null || true)"
	set_value k.tmp y
	random_file big.part 3000000
	cp big.part "$MNT/big.part"
	restart_daemon
	expect_list "" "big.part k k.tmp"
	expect "rows" "big.part k k.tmp" "$(rows)"
	expect_value k.tmp y
	cmp big.part "$MNT/big.part"
}

test_a_large_temporary_file_is_a_file_and_is_not_copied_by_its_rename() {
	mount_stack
	random_file whole 20000000
	cp whole "$MNT/k.part"
	cmp whole "$MNT/k.part"
	mv "$MNT/k.part" "$MNT/k"
	cmp whole "$MNT/k"
	expect "value files" 1 "$(find db.sqlite.values -type f | wc -l)"
}

test_temporary_files_that_are_open_are_bounded() {
	mount_stack '"pending_max_bytes": 100000'
	head -c 60000 /dev/zero >"$MNT/a.tmp"
	exec 4>>"$MNT/a.tmp"
	! head -c 60000 /dev/zero >"$MNT/b.tmp" 2>/dev/null || fail "no bound"
	exec 4>&-
	rm "$MNT/a.tmp" "$MNT/b.tmp"
	head -c 60000 /dev/zero >"$MNT/b.tmp"
	exec 4>>"$MNT/b.tmp"
	set_value k x
	head -c 90000 /dev/zero >whole
	! cp whole "$MNT/k" 2>/dev/null || fail "no bound for writers of keys"
	exec 4>&-
	rm "$MNT/b.tmp"
	cp whole "$MNT/k"
	mv "$MNT/k" "$MNT/k~"
	cmp whole "$MNT/k~"
}

test_the_list_of_names_is_an_option() {
	mount_stack '"scratch_names": ["*.wip", "draftXXXXXX"]'
	set_value k.tmp x
	expect "sets" 1 "$(stat_of .sets)"
	set_value k.wip x
	make_drawn draftAb3cDe x
	expect "sets" 1 "$(stat_of .sets)"
	rm "$MNT/k.wip" "$MNT/draftAb3cDe"
	unmount
	mount_stack '"scratch_names": []'
	expect_value k.tmp x
	set_value k.wip x
	expect "sets" 1 "$(stat_of .sets)"
	expect "effective" '[]' "$(jq -c .cachefs.scratch_names "$MNT/.cachefs/config.json")"
}

test_an_entry_from_before_is_served_until_it_is_written_to() {
	mount_stack '"scratch_names": []'
	set_value k.tmp old
	set_value m.tmp other
	unmount
	mount_stack
	expect_value k.tmp old
	expect_list "" "k.tmp m.tmp"
	printf ' and new' >>"$MNT/k.tmp"
	expect_value k.tmp "old and new"
	expect "rows" m.tmp "$(rows)"
	mv "$MNT/k.tmp" "$MNT/m.tmp"
	expect_value m.tmp "old and new"
	expect "rows" "" "$(rows)"
	mv "$MNT/m.tmp" "$MNT/k"
	expect_value k "old and new"
}

test_a_failed_rename_leaves_the_temporary_file_as_it_was() {
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 50000}}], "cachefs": {}}'
	set_value k old
	random_file whole 60000
	cp whole "$MNT/k.tmp"
	expect_error "too large" mv "$MNT/k.tmp" "$MNT/k"
	cmp whole "$MNT/k.tmp"
	expect_value k old
	truncate -s 1000 "$MNT/k.tmp"
	mv "$MNT/k.tmp" "$MNT/k"
	head -c 1000 whole | cmp - "$MNT/k"
}

# Another program's transaction, for longer than the layer waits.
while_the_database_is_locked() {
	python3 -ES - "$@" <<-'END'
		import sqlite3, subprocess, sys
		locker = sqlite3.connect("db.sqlite", isolation_level=None)
		locker.execute("BEGIN IMMEDIATE")
		sys.exit(subprocess.run(sys.argv[1:]).returncode)
	END
}

test_an_entry_that_cannot_leave_the_layers_keeps_its_name() {
	mount_stack
	set_value k value
	set_value k.tmp old
	expect_error "mv" while_the_database_is_locked mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" "k k.tmp"
	expect_value k value
	expect_value k.tmp old
	expect "layers" memory,disk "$(get_xattr k user.cachefs.layers)"
	mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" k.tmp
	expect_value k.tmp value
	expect_absent k
}

test_a_writer_of_an_entry_that_cannot_leave_goes_on() {
	mount_stack
	set_value k value
	open_writer w k rw
	tell w pwrite 0 VAL
	expect_error "mv" while_the_database_is_locked mv "$MNT/k" "$MNT/k.tmp"
	expect_list "" k
	tell w pwrite 3 UE
	tell w close
	expect_value k VALUE
	restart_daemon
	expect_value k VALUE
}

waits_are() {
	[[ $(stat_of .waits.waiting) = "$1" ]]
}

# The close takes the entry that has the name out of the layers, which waits for the database; the rename
# waits for the close.
test_a_rename_that_waits_for_such_a_close_moves_the_file_that_it_made() {
	local mv locker
	mount_stack
	sqlite3 db.sqlite "INSERT INTO cache(cache_key, payload, updated_at) VALUES('k.tmp', 'old', 1)"
	expect_value k.tmp old
	open_writer w k.tmp w,trunc
	tell w write new
	coproc LOCKER { sqlite3 db.sqlite; }
	locker=$LOCKER_PID
	printf '.timeout 60000\nBEGIN IMMEDIATE; SELECT 1;\n' >&"${LOCKER[1]}"
	read -r -t 60 <&"${LOCKER[0]}"
	begin_hand w close
	wait_until 20 waits_are 1
	mv "$MNT/k.tmp" "$MNT/k.part" &
	mv=$!
	wait_until 20 waits_are 2
	printf 'ROLLBACK;\n.quit\n' >&"${LOCKER[1]}"
	wait "$locker" || true
	wait "$mv"
	expect_list "" k.part
	expect_value k.part new
	expect "rows" "" "$(rows)"
}

test_the_kernel_may_forget_a_temporary_file() {
	mount_stack
	set_value k.tmp content
	echo 2 >/proc/sys/vm/drop_caches
	expect_value k.tmp content
	mv "$MNT/k.tmp" "$MNT/k"
	expect_value k content
}

run_tests
