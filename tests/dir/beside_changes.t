#!/bin/bash
# What is changed in a directory that somebody renames meanwhile happens there.
. "$(dirname "$0")/../lib.sh"

# What is done in a directory while somebody renames it happens there, wherever it is by then: each
# by a descriptor of the directory, so that its path is not in the way.
beside_renames() {
	python3 -ES - "$MNT" <<'EOF' || fail "not where they belong"
import os, sys, threading

top, rounds, wrong = sys.argv[1], 300, {}

def write_over(fd):
    os.rename("new.tmp", "over", src_dir_fd=fd, dst_dir_fd=fd)

changes = {
    "mkdir": lambda fd: os.mkdir("made", dir_fd=fd),
    "rmdir": lambda fd: os.rmdir("empty", dir_fd=fd),
    "symlink": lambda fd: os.symlink("to", "link", dir_fd=fd),
    "unlink": lambda fd: os.unlink("gone", dir_fd=fd),
    "rename": lambda fd: os.rename("a", "b", src_dir_fd=fd, dst_dir_fd=fd),
    "rename of a temporary name": write_over,
}

def run(name, fd, start):
    start.wait()
    try:
        changes[name](fd)
    except OSError as error:
        wrong.setdefault(f"{name}: {error.strerror}", 0)
        wrong[f"{name}: {error.strerror}"] += 1

for i in range(rounds):
    old, new = f"{top}/old{i}", f"{top}/new{i}"
    os.mkdir(old)
    os.mkdir(old + "/empty")
    for key in "gone", "a", "over", "new.tmp":
        with open(f"{old}/{key}", "w") as f:
            f.write(key)
    fd = os.open(old, os.O_RDONLY)
    start = threading.Barrier(len(changes) + 1)
    threads = [threading.Thread(target=run, args=(name, fd, start)) for name in changes]
    for t in threads:
        t.start()
    start.wait()
    os.rename(old, new)
    for t in threads:
        t.join()
    os.close(fd)
    if os.path.exists(old):
        wrong["the old name is back"] = wrong.get("the old name is back", 0) + 1
    got = sorted(os.listdir(new))
    if got != ["b", "link", "made", "over"] or open(new + "/over").read() != "new.tmp":
        wrong[str(got)] = wrong.get(str(got), 0) + 1

print(wrong or "all right")
sys.exit(bool(wrong))
EOF
}

test_changes_in_a_directory_that_is_being_renamed() {
	mount_stack
	beside_renames
}

test_changes_in_a_directory_that_is_being_renamed_under_write_back() {
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	beside_renames
}

run_tests
