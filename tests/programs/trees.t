#!/bin/bash
# Trees of many directories that are removed or moved.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

# In a tree of 40 directories.
make_many() {
	python3 - "$1" "$2" <<-'PYTHON'
	import os, sys
	for i in range(int(sys.argv[2])):
	    d = "%s/d%d" % (sys.argv[1], i % 40)
	    if i < 40:
	        os.makedirs(d)
	    with open("%s/k%d" % (d, i), "w") as f:
	        f.write("%d" % i)
	PYTHON
}

test_find_delete_and_rm_rf_of_many_entries() {
	local many=10000
	mount_for_programs
	make_many "$MNT/tree" "$many"
	expect entries "$many" "$(find "$MNT/tree" -type f | wc -l)"
	make_many "$MNT/some" 2000
	cp -r "$MNT/some" "$MNT/again"
	rm -rf "$MNT/some"
	local before=${EPOCHREALTIME/./}
	rm -rf "$MNT/tree"
	local between=${EPOCHREALTIME/./}
	find "$MNT/again" -delete
	echo "rm -rf of $many entries: $(((between - before) / 1000)) ms," \
		"find -delete of 2000: $(((${EPOCHREALTIME/./} - between) / 1000)) ms" >>"$LOG"
	expect_list "" ""
	expect "left in the layers" 0 "$(jq '[.layers[].entries] | add' "$MNT/.cachefs/stats.json")"
}

test_a_tree_is_moved_over_an_empty_one_and_out() {
	mount_for_programs
	make_many "$MNT/a" 200
	mkdir -p "$MNT/b" "$MNT/c/a"
	mv -T "$MNT/a" "$MNT/b"
	mv "$MNT/b" "$MNT/c/a"
	expect entries 200 "$(find "$MNT/c/a/b" -type f | wc -l)"
	expect_value c/a/b/d7/k47 47
	restart_daemon
	mv "$MNT/c/a/b" out
	expect entries 200 "$(find out -type f | wc -l)"
	expect_list c/a ""
}

run_tests
