#!/bin/bash
# The Python package and the file layer serve what the other stored or changed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/file.sh"

test_what_python_stored_is_served() {
	mkdir files
	python_set answer '{"text": "hi", "n": 0.5}' None
	mount_files
	expect_value answer $'{\n    "text": "hi",\n    "n": 0.5\n  }'
	expect "JSON" hi "$(jq -r .text "$MNT/answer")"
	expect_list "" answer
	python_set text '"just text"' None
	expect_value text '"just text"'
	wait_until 10 lists "" "answer text"
}

test_what_python_changes_is_seen_by_the_next_open() {
	mount_files
	set_value k '{"old": 1}'
	expect_value k '{"old": 1}'
	python_set k '[1, 2]' None
	expect "new" '[1,2]' "$(jq -c . "$MNT/k")"
	python_set k '[3]' 1000.5
	expect_miss k
	python_set k '[4]' None
	expect "once more" '[4]' "$(jq -c . "$MNT/k")"
	rm files/k.json
	expect_miss k
}

# in_place KEY TEXT: of the same size, in the same file, and with the same time as before
in_place() {
	python3 - "files/$1.json" "$2" <<'END'
import os, sys, time
path, payload = sys.argv[1:3]
stamp = os.stat(path).st_mtime_ns if os.path.exists(path) else time.time_ns() + 55 * 10**9
with open(path, "w") as f:
    f.write('{"payload": "%s", "expires_at": null}' % payload)
os.utime(path, ns=(stamp, stamp))
END
}

test_a_change_that_looks_like_the_one_before_is_seen() {
	mount_files
	in_place k one
	expect_value k '"one"'
	expect_value k '"one"'
	in_place k two
	expect_value k '"two"'
	in_place k six
	expect_value k '"six"'
	unmount
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "files"}}]}'
	expect_value k '"six"'
	in_place k ten
	expect_value k '"ten"'
}

test_what_is_set_here_python_gets() {
	mount_files
	python_set answers/6x7 '{"n": 1}' None
	echo '{"n": 2}' >"$MNT/other"
	mkdir "$MNT/answers"
	echo '{"n": 3}' >"$MNT/answers/new"
	expect "Python" '{"n": 3}' "$(python_get answers/new)"
	set_ttl answers/new 0.2
	ttl_passes 0.4
	! python_get answers/new 2>/dev/null
}

run_tests
