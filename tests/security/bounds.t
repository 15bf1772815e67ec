#!/bin/bash
# What one user can make without end has a bound, and others go on.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/other_users.sh"

test_an_entry_has_1024_attributes_and_64_KiB_of_them() {
	mount_with '{"type": "memory"}'
	set_value k v
	mkdir "$MNT/d"
	python3 -ES - "$MNT/k" "$MNT/d" <<-'END'
		import errno, os, sys
		for path in sys.argv[1:]:
		    count = 0
		    try:
		        for count in range(1100):
		            os.setxattr(path, f"user.n{count}", b"")
		    except OSError as e:
		        assert e.errno == errno.ENOSPC, e
		    assert count == 1024, count
		    os.setxattr(path, "user.n0", b"another")
		    os.removexattr(path, "user.n1")
		    os.setxattr(path, "user.new", b"")
		    for name in os.listxattr(path):
		        os.removexattr(path, name)
		    os.setxattr(path, "user.large", bytes(60000))
		    try:
		        os.setxattr(path, "user.more", bytes(6000))
		        assert False, "more than 64 KiB"
		    except OSError as e:
		        assert e.errno == errno.ENOSPC, e
	END
}

# Locks stay until they are removed, so they are what fills the daemon.
test_a_user_has_half_of_the_scratch_files() {
	mount_for_all '{"type": "memory"}'
	as_user 1001 '
count = 0
try:
    for count in range(70000):
        os.close(os.open(f"{sys.argv[1]}/{count}.lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
except OSError as e:
    assert e.errno == errno.ENOSPC, e
assert count == 32768, count
os.unlink(f"{sys.argv[1]}/0.lock")
os.close(os.open(f"{sys.argv[1]}/again.lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
open(f"{sys.argv[1]}/entry", "w").write("x")
' "$MNT"
	as_user 1002 'os.close(os.open(sys.argv[1], os.O_CREAT | os.O_EXCL | os.O_WRONLY))' "$MNT/others.lock"
	: >"$MNT/owners.lock"
	expect_value entry x
}

run_tests
