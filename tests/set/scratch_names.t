#!/bin/bash
# Which names are temporary: a file under one is there for all and in no layer.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/scratch.sh"

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

run_tests
