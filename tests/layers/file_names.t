#!/bin/bash
# The file layer has a file name for every key, and no two keys share one.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

test_keys_whose_names_would_be_one_do_not_collide() {
	mount_files
	mkdir "$MNT/a"
	set_value a/b slash
	set_value a_b underscore
	set_value 'a\b' backslash
	local round
	for round in 1 2; do
		expect_value a/b slash
		expect_value a_b underscore
		expect_value 'a\b' backslash
		restart_daemon
	done
	rm "$MNT/a/b"
	expect_absent a/b
	expect_value a_b underscore
	set_value a/b again
	expect_value a/b again
	expect_value 'a\b' backslash
}

test_no_older_file_of_a_key_comes_to_light() {
	mount_files
	mkdir "$MNT/a"
	set_value a/b slash
	set_value a_b old
	rm "$MNT/a/b"
	python_set a_b 1 None
	expect_value a_b 1
	rm "$MNT/a_b"
	restart_daemon
	expect_absent a_b
	set_value a/b slash
	set_value a_b old
	rm "$MNT/a/b"
	python_set a_b 1 None
	expect_value a_b 1
	mv "$MNT/a_b" "$MNT/c"
	restart_daemon
	expect_list "" "a c"
	expect_value c 1
}

test_long_and_odd_keys_have_names() {
	mount_files
	local long
	long=$(printf 'k%.0s' {1..250})
	mkdir -p "$MNT/$long/$long"
	set_value "$long/$long/$long" deep
	set_value $'new\nline' newline
	printf odd >"$MNT/"$'\xff\xfe'
	set_value .hidden hidden
	restart_daemon
	expect_value "$long/$long/$long" deep
	expect_value $'new\nline' newline
	expect_value $'\xff\xfe' odd
	expect_value .hidden hidden
}

run_tests
