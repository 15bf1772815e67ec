"""Processes of three users use one mount at random, and look at every byte that they get.

    users.py DIRECTORY SECONDS

Each value says its own length and checksum. Prints what was done, and "wrong: ..." for what cannot be: a value that
nobody set, an operation that takes longer than a minute. Exits with 1 then. Any errno is fine: stores fail, files are
other users', names come and go.
"""
import errno
import hashlib
import os
import random
import signal
import sys
import time

ROOT, SECONDS = sys.argv[1], float(sys.argv[2])
USERS = (0, 65533, 65534)
PROCESSES, NAMES, HANG = 6, 12, 60
WRONG = []


def value(rng):
    body = rng.randbytes(rng.choice((0, 5, 300, 5000, 70000, 1500000 if rng.random() < 0.1 else 10)))
    return b"%08d%s" % (len(body), hashlib.sha256(body).hexdigest().encode()) + body


def is_whole(data):
    body = data[72:]
    return data[:8].isdigit() and int(data[:8]) == len(body) and data[8:72] == hashlib.sha256(body).hexdigest().encode()


def get(rng, path):
    with open(path, "rb") as file:
        data = file.read()
    if not is_whole(data):
        WRONG.append(f"{path}: {len(data)} bytes that nobody set: {data[:60]!r}")


def put(rng, path):
    with open(path, "wb", buffering=0) as file:
        data = value(rng)
        while data:
            data = data[file.write(data) :]


def ls(rng, path):
    for entry in os.scandir(os.path.dirname(path)):
        entry.stat(follow_symlinks=False)


def link(rng, path):
    os.symlink("somewhere", path + ".link")
    if os.readlink(path + ".link") != "somewhere":
        WRONG.append(f"{path}.link leads elsewhere")
    os.unlink(path + ".link")


OPERATIONS = (
    [get] * 12
    + [put] * 8
    + [ls, link]
    + [lambda rng, path: os.stat(path)] * 3
    + [lambda rng, path: os.rename(path, other(rng))] * 2
    + [lambda rng, path: os.unlink(path)] * 2
    + [
        lambda rng, path: os.chmod(path, rng.choice((0o600, 0o666, 0o640))),
        lambda rng, path: os.utime(path, (1, rng.randrange(1 << 40))),
        lambda rng, path: os.setxattr(path, "user.cachefs.ttl", b"%d" % rng.randrange(1, 100)),
        lambda rng, path: os.setxattr(path, "user.note", rng.randbytes(20)),
        lambda rng, path: os.getxattr(path, "user.cachefs.info"),
        lambda rng, path: os.mkdir(os.path.dirname(path), 0o777),
        lambda rng, path: os.rename(os.path.dirname(path), ROOT + f"/d{rng.randrange(3)}"),
        lambda rng, path: os.rmdir(os.path.dirname(path)) if rng.random() < 0.3 else None,
    ]
)


def other(rng):
    name = f"k{rng.randrange(NAMES)}"
    return os.path.join(ROOT, rng.choice(("", f"d{rng.randrange(3)}")), name)


def hangs(number, frame):
    print("wrong: an operation takes longer than a minute:", frame.f_code.co_name, flush=True)
    os._exit(1)


def work(index, end):
    uid = USERS[index % len(USERS)]
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    os.umask(0o022)
    rng = random.Random(index * 7919 + int(end))
    signal.signal(signal.SIGALRM, hangs)
    done = failed = 0
    while time.monotonic() < end and not WRONG:
        signal.alarm(HANG)
        try:
            rng.choice(OPERATIONS)(rng, other(rng))
            done += 1
        except OSError as error:
            failed += 1
            if error.errno in (errno.ENOTCONN, errno.ECONNABORTED):
                WRONG.append("the mount has ended")
        signal.alarm(0)
    print(f"uid {uid}: {done} operations, {failed} refused", *WRONG[:1] and ["\nwrong: " + WRONG[0]], flush=True)
    os._exit(1 if WRONG else 0)


def main():
    end = time.monotonic() + SECONDS
    pids = [os.fork() or work(i, end) for i in range(PROCESSES)]
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in pids))


main()
