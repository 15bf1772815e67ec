#!/bin/bash
# The own end as an attribute: the flags of setxattr, removexattr, and which end is shown.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/own.sh"

# change_end CALL FLAGS... of the key k, or of an open file: the error's name, or "ok"
change_end() {
	python3 - "$MNT/k" "$@" <<-'END'
		import errno, os, sys
		path, name, flag = sys.argv[1:]
		try:
		    if flag == "remove":
		        os.removexattr(path, "user.cachefs." + name)
		    else:
		        os.setxattr(path, "user.cachefs." + name, b"4102444800", getattr(os, "XATTR_" + flag))
		    print("ok")
		except OSError as e:
		    print(errno.errorcode[e.errno])
	END
}

test_setxattrs_flags_and_removexattr_know_the_own_end() {
	local name other
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 3600}}, '"$DISK"
	set_value k value
	for name in ttl expires_at; do
		other=$([[ $name == ttl ]] && echo expires_at || echo ttl)
		expect "replaces none" ENODATA "$(change_end $name REPLACE)"
		expect "removes none" ENODATA "$(change_end $name remove)"
		expect "names" "" "$(getfattr --absolute-names "$MNT/k")"
		expect "creates" ok "$(change_end $name CREATE)"
		expect "creates again" EEXIST "$(change_end $name CREATE)"
		expect "creates under the other name" EEXIST "$(change_end $other CREATE)"
		expect "replaces" ok "$(change_end $other REPLACE)"
		expect "removes under the other name" ok "$(change_end $other remove)"
		expect "is removed" ENODATA "$(change_end $name remove)"
	done
	set_ttl k never
	expect "creates over never" EEXIST "$(change_end ttl CREATE)"
	expect "removes never" ok "$(change_end expires_at remove)"
}

test_what_is_not_published_has_an_own_end_too() {
	local got
	mount_stack
	mkdir "$MNT/d"
	set_ttl d 5000
	got=$(python3 - "$MNT" <<-'END'
		import errno, os, sys
		def say(call, *args):
		    try:
		        call(*args)
		        print("ok", end=" ")
		    except OSError as e:
		        print(errno.errorcode[e.errno], end=" ")
		TTL = "user.cachefs.ttl"
		os.chdir(sys.argv[1])
		fd = os.open("d/removed", os.O_CREAT | os.O_WRONLY)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.removexattr, fd, TTL)
		say(os.removexattr, fd, TTL)
		say(os.getxattr, fd, TTL)
		os.write(fd, b"value")
		os.close(fd)
		fd = os.open("given", os.O_CREAT | os.O_WRONLY)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_REPLACE)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.setxattr, fd, TTL, b"100", os.XATTR_CREATE)
		say(os.removexattr, fd, "user.cachefs.expires_at")
		os.write(fd, b"value")
		os.close(fd)
		os.setxattr("given", TTL, b"100")
		fd = os.open("given", os.O_TRUNC | os.O_WRONLY)
		say(os.getxattr, fd, TTL)
		say(os.removexattr, fd, TTL)
		os.write(fd, b"value")
		os.close(fd)
	END
	)
	expect answers "EEXIST ok ENODATA ENODATA ENODATA ok EEXIST ok ENODATA ENODATA " "$got"
	expect "the directory's TTL comes back" "" "$(get_xattr d/removed user.cachefs.ttl)"
	expect "of the set" "" "$(get_xattr given user.cachefs.ttl)"
	echo again >"$MNT/d/removed"
	expect_near "the next set" 5000 "$(get_xattr d/removed user.cachefs.expires_at)"
}

test_the_end_that_is_shown_is_the_last_layers() {
	mount_layers '{"type": "memory", "options": {"default_ttl_s": 10}},
		{"type": "disk", "options": {"path": "db.sqlite", "default_ttl_s": 1000}}'
	set_value k value
	expect_near "expires_at" 1000 "$(get_xattr k user.cachefs.expires_at)"
	unmount
	rm -f db.sqlite*
	mount_layers "$TTL, $DISK"
	set_value k value
	expect ttl "" "$(get_xattr k user.cachefs.ttl)"
	expect expires_at "" "$(get_xattr k user.cachefs.expires_at)"
	unmount
	mount_layers '{"type": "ttl", "options": {"default_ttl_s": 100}}'
	set_value k value
	expect_near expires_at 100 "$(get_xattr k user.cachefs.expires_at)"
	expect names "" "$(getfattr --absolute-names "$MNT/k")"
}

run_tests
