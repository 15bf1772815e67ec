#!/bin/bash
# A program that runs as its owner is none any more once somebody has written to it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/other_users.sh"

OWNER=1001 STRANGER=1002

new_programs() {
	local name dir
	for dir in local "$MNT"; do
		echo 'what is copied' >"$dir/source"
		for name in $(ways_to_write names); do
			echo 'the old content of a program' >"$dir/$name"
			chown "$OWNER:$OWNER" "$dir/$name"
			chmod "$1" "$dir/$name"
		done
	done
}

ways_to_write() {
	python3 -ES "$ROOT/tests/helpers/ways_to_write.py" "$@"
}

mount_beside_a_disk() {
	others_may_come
	echo '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}]}' >cachefs.json
	start_daemon -o allow_other cachefs.json
	mkdir -m 755 local
}

# every_way_by UID MODE: on the mount as on a local file system
every_way_by() {
	mount_beside_a_disk
	new_programs "$2"
	ways_to_write "$1" local >expected
	ways_to_write "$1" "$MNT" >got
	[[ $(wc -l <expected) -ge 50 ]] || fail "not every way was tried: $(<expected)"
	[[ $(grep -cE ' E(INVAL|BADF)$' expected) = 3 ]] || fail "not every way worked: $(<expected)"
	diff expected got >differences || fail "from a local file system: $(<differences)"
	(cd "$MNT" && stat -c '%n 0o%a' $(ways_to_write names)) >after
	restart_daemon
	(cd "$MNT" && stat -c '%n 0o%a' $(ways_to_write names)) | diff after - >differences ||
		fail "after a restart: $(<differences)"
}

test_writing_takes_set_user_id_away_from_a_stranger() {
	every_way_by "$STRANGER" 4777
}

test_writing_takes_set_group_id_away_from_a_stranger() {
	every_way_by "$STRANGER" 6777
}

test_writing_takes_them_away_from_the_owner() {
	every_way_by "$OWNER" 6755
}

test_root_keeps_them() {
	every_way_by 0 6755
}

# As cp -p and install do.
test_who_writes_and_then_gives_them_has_them() {
	mount_beside_a_disk
	chmod 777 "$MNT"
	python3 -ES - "$MNT/program" <<-'END'
		import os, sys
		os.setgroups([])
		os.setgid(1001)
		os.setuid(1001)
		for flags in os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_TRUNC, os.O_RDWR:
		    fd = os.open(sys.argv[1], flags, 0o700)
		    os.write(fd, b"content")
		    os.fchmod(fd, 0o4755)
		    os.close(fd)
		    assert os.stat(sys.argv[1]).st_mode & 0o7777 == 0o4755, oct(os.stat(sys.argv[1]).st_mode)
	END
	restart_daemon
	expect "mode" 4755 "$(stat -c %a "$MNT/program")"
}

run_tests
