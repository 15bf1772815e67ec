#!/bin/bash
# What a cache cannot have, and the programs that fail for it: as docs/limits.md says. Nothing else of what they do is harmed.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

mount_here() {
	mount_for_programs
	set_value k value
}

needs() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "no $program here"
	done
}

test_hard_links_sockets_pipes_and_devices_are_refused() {
	mount_here
	expect_error "Operation not permitted" ln "$MNT/k" "$MNT/linked"
	expect_error "Operation not permitted" mkfifo "$MNT/pipe"
	expect_error "Operation not permitted" mknod "$MNT/null" c 1 3
	expect_error "Operation not permitted" python3 -ESc '
import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$MNT/socket"
	expect_list "" k
}

# A file on the local disk with an access control list.
acl_file() {
	echo "$2" >"$1"
	python3 -ESc '
import os, struct, sys
entries = (1, 6, ~0), (2, 4, 65534), (4, 4, ~0), (16, 4, ~0), (32, 0, ~0)
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, mode, who & 0xffffffff) for tag, mode, who in entries)
os.setxattr(sys.argv[1], "system.posix_acl_access", acl)' "$1" 2>err || {
		[[ $1 == "$MNT"/* ]] || skip "no ACLs on the local disk"
		return 1
	}
}

test_acls_are_refused_and_a_copy_of_one_says_so() {
	mount_here
	acl_file "$TMP/src" content
	if acl_file "$MNT/own" v; then
		fail "an ACL was taken"
	fi
	grep -q "Operation not supported" err
	expect_error "Operation not supported" cp -a src "$MNT/copy"
	expect_value copy content
	mv src "$MNT/moved" 2>/dev/null # without it
	expect_value moved content
}

test_xauth_cannot_lock_its_file() {
	needs xauth
	mount_here
	expect_error "error in locking authority file" xauth -f "$MNT/Xauthority" add :1 . 00112233445566778899aabbccddeeff
}

test_gpgs_agent_cannot_make_its_socket() {
	needs gpg gpg-agent
	mount_here
	mkdir -m 700 "$MNT/gnupg"
	if GNUPGHOME=$MNT/gnupg timeout 60 gpg --batch --passphrase '' --quick-gen-key a@example.org >out 2>&1; then
		grep -q /run/user out || fail "the agent has a socket on the mount"
	fi
}

test_dpkg_cannot_keep_its_backup() {
	needs dpkg dpkg-deb
	mount_here
	mkdir -p "$MNT"/root/var/lib/dpkg/{info,updates,triggers} package/DEBIAN
	: >"$MNT/root/var/lib/dpkg/status"
	: >"$MNT/root/var/lib/dpkg/available"
	printf '%s\n' 'Package: a' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@example.org>' 'Description: a' \
		>package/DEBIAN/control
	dpkg-deb -b package a.deb >/dev/null
	expect_error "Operation not permitted" dpkg --root="$MNT/root" -i a.deb
}

# A database that is opened read-only keeps the version it opened, one opened to be written is the one file.
test_a_read_only_opener_of_a_database_keeps_its_version() {
	mount_here
	sqlite3 "$MNT/db" "CREATE TABLE t(v); INSERT INTO t VALUES(1)"
	python3 -ES - "$MNT/db" <<-'END'
		import sqlite3, sys
		path = sys.argv[1]
		def count(db):
		    return db.execute("SELECT count(*) FROM t").fetchone()[0]
		reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
		other = sqlite3.connect(path)
		assert count(reader) == count(other) == 1
		writer = sqlite3.connect(path)
		writer.execute("INSERT INTO t VALUES(2)")
		writer.commit()
		assert count(other) == 2, "opened to be written"
		assert count(reader) == 1, "opened read-only"
		assert count(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) == 2, "opened later"
	END
}

test_a_value_in_a_file_of_its_own_is_nothing_that_the_package_can_read() {
	mount_stack '' '"inline_limit_kb": 1'
	printf '"%s"' "$(head -c 900 /dev/zero | tr '\0' v)" >"$MNT/small"
	printf '"%s"' "$(head -c 2000 /dev/zero | tr '\0' v)" >"$MNT/large"
	python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite get small >/dev/null
	expect_error JSONDecodeError python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite get large
}

run_tests
