#!/bin/bash
# A change of a part of an entry does not give it the end that a layer gave its copy.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

partial_changes() {
	echo a >"$MNT/k"
	expect_store_end k never "a set"
	echo b >>"$MNT/k"
	expect_store_end k never ">>"
	echo c | tee -a "$MNT/k" >/dev/null
	expect_store_end k never "tee -a"
	truncate -s 3 "$MNT/k"
	expect_store_end k never truncate
	printf A | dd of="$MNT/k" conv=notrunc status=none
	expect_store_end k never "dd conv=notrunc"
	open_writer w k rw
	tell w write one
	tell w fsync
	tell w write two
	tell w close
	expect_store_end k never "write, fsync, write"
	chmod 600 "$MNT/k"
	touch "$MNT/k"
	expect_store_end k never "chmod and touch"
	mv "$MNT/k" "$MNT/moved"
	expect_store_end moved never mv
	mkdir "$MNT/d"
	mv "$MNT/moved" "$MNT/d/in"
	mv "$MNT/d" "$MNT/e"
	mv "$MNT/e/in" "$MNT/back"
	expect_store_end back never "mv of its directory"
	rmdir "$MNT/e"
	expect names "" "$(getfattr --absolute-names "$MNT/back")"
}

test_no_change_of_a_part_gives_the_entry_the_end_of_a_fast_layers_copy() {
	for_each_stack partial_changes
}

programs_that_change_parts() {
	bash -c 'exec >"$1"; echo one; "$0" one; echo two' true "$MNT/log"
	expect_store_end log never "exec >"
	cp "$MNT/log" plain
	echo more >>plain
	rsync --inplace plain "$MNT/log"
	expect_store_end log never "rsync --inplace"
	tar cf "$MNT/a.tar" plain
	tar rf "$MNT/a.tar" cachefs.json
	expect_store_end a.tar never "tar rf"
	open_writer m log rw
	tell m map
	tell m poke 0 X
	tell m unmap
	tell m close
	wait_until 20 eval '[[ $(head -c 1 "$MNT/log") == X ]]'
	expect_store_end log never mmap
}

test_programs_that_change_parts_give_it_none_either() {
	mount_layers "$TTL, $DISK"
	programs_that_change_parts
	unmount
	rm -rf db.sqlite*
	mount_layers "$TTL, $FILE" '"write_strategy": "write_back"'
	programs_that_change_parts
}

test_the_entry_outlives_the_fast_copy_that_it_was_changed_in() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 0.5}}, '"$DISK"
	echo a >"$MNT/k"
	echo b >>"$MNT/k"
	ttl_passes 0.8
	expect_value k $'a\nb'
	echo c >>"$MNT/k"
	ttl_passes 0.8
	expect_value k $'a\nb\nc'
}

run_tests
