#!/bin/bash
# A thousand JSON files in nested prefix directories, as a program's cache would have them.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

make_tree() {
	local a b i
	for a in x y z q; do
		for b in 0 1 2 3 4; do
			mkdir -p "tree/$a/$b"
			for ((i = 0; i < 50; i++)); do
				printf '{"key": "%s/%s/%d", "payload": {"text": "value %d", "n": 0.10}}\n' \
					"$a" "$b" "$i" "$RANDOM" >"tree/$a/$b/$i.json"
			done
		done
	done
}

test_a_copied_tree_is_identical_after_a_restart() {
	make_tree
	mount_stack
	cp -r tree "$MNT/tree"
	diff -r tree "$MNT/tree"
	expect files 1000 "$(find "$MNT/tree" -type f | wc -l)"
	restart_daemon
	diff -r tree "$MNT/tree"
	jq -es 'length == 1000' "$MNT"/tree/*/*/*.json >/dev/null
}

test_ttls_and_rmdir_leave_the_rest_identical() {
	make_tree
	mount_stack
	cp -r tree "$MNT/tree"
	set_ttl tree/x/0/0.json 0.3
	mkdir "$MNT/short"
	set_ttl short 0.3
	cp -r tree/y "$MNT/short/"
	rmdir "$MNT/tree/z"
	ttl_passes 0.6
	rm -r tree/z tree/x/0/0.json
	diff -r tree "$MNT/tree"
	expect "files with an expired directory TTL" 0 "$(find "$MNT/short" -type f | wc -l)"
	restart_daemon
	diff -r tree "$MNT/tree"
	expect_list tree "q x y"
}

test_tar_goes_in_and_out() {
	make_tree
	mount_for_programs
	tar -C tree -cf - . | tar -C "$MNT" -xf -
	mkdir out
	tar -C "$MNT" -cf - . | tar -C out -xf -
	diff -r tree out
}

test_git_works_on_the_mount() {
	type git >/dev/null 2>&1 || skip "no git"
	mount_for_programs
	make_tree
	git init -q "$MNT/repo"
	cp -r tree/x "$MNT/repo/"
	git -C "$MNT/repo" add .
	git -C "$MNT/repo" -c user.name=t -c user.email=t@example.org commit -qm x
	git -C "$MNT/repo" fsck --strict >/dev/null
	restart_daemon
	expect status "" "$(git -C "$MNT/repo" status --porcelain)"
}

run_tests
