#!/bin/bash
# What is looked at in a directory that somebody renames meanwhile is always there.
. "$(dirname "$0")/../lib.sh"

# A process works in a directory while somebody renames it: what it looks at is always there.
looks_beside_renames() { # ROUNDS
	mkdir -p "$MNT/d0/sub"
	echo value | tee "$MNT/d0/k" >"$MNT/d0/sub/k"
	python3 -ES - "$MNT" "$1" <<'EOF' || fail "not there while the directory is renamed"
import os, sys, threading

top, rounds, wrong, done = sys.argv[1], int(sys.argv[2]), {}, []
fd = os.open(f"{top}/d0", os.O_RDONLY)
sub = os.open(f"{top}/d0/sub", os.O_RDONLY)
os.symlink("target", "l", dir_fd=sub)
ino = os.fstat(sub).st_ino
os.chmod(sub, 0o750)

def expect(got, wanted):
    if got != wanted:
        raise OSError(0, f"got {got!r}")

def read(name, at):
    file = os.open(name, os.O_RDONLY, dir_fd=at)
    try:
        expect(os.read(file, 100), b"value\n")
    finally:
        os.close(file)

def attributes():
    os.fstat(fd)
    st = os.fstat(sub)
    expect((st.st_ino, st.st_mode & 0o777), (ino, 0o750))

looks = {
    "fstat": attributes,
    "stat": lambda: (os.stat("sub", dir_fd=fd), os.stat("k", dir_fd=sub)),
    "read": lambda: (read("k", fd), read("sub/k", fd), read("k", sub)),
    "list": lambda: (expect({"k", "sub"} - set(os.listdir(fd)), set()), expect(len(os.listdir(sub)), 2)),
    "readlink": lambda: expect(os.readlink("l", dir_fd=sub), "target"),
    "chmod": lambda: os.chmod(sub, 0o750),
    "xattr": lambda: (os.setxattr(sub, "user.x", b"1"), expect(os.getxattr(sub, "user.x"), b"1")),
    "mkdir": lambda: (os.mkdir("m", dir_fd=fd), os.rmdir("m", dir_fd=fd)),
    "append": lambda: os.close(os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, dir_fd=fd)),
}

def run(name, look):
    while not done:
        try:
            look()
        except OSError as error:
            text = f"{name}: {error.strerror}"
            wrong[text] = wrong.get(text, 0) + 1

threads = [threading.Thread(target=run, args=look) for look in looks.items()]
for t in threads:
    t.start()
for i in range(rounds):
    os.rename(f"{top}/d{i}", f"{top}/d{i + 1}")
done.append(True)
for t in threads:
    t.join()
print(wrong or "all right")
sys.exit(bool(wrong))
EOF
}

test_what_is_in_a_directory_that_is_being_renamed_is_always_there() {
	mount_stack
	looks_beside_renames 200
}

test_what_is_in_a_directory_that_is_renamed_key_by_key_is_always_there() {
	mount_with '{"type": "file", "options": {"directory": "files", "max_files": 10000}}'
	mkdir "$MNT/d0"
	for i in {1..1500}; do
		echo v >"$MNT/d0/f$i"
	done
	looks_beside_renames 6
}

run_tests
