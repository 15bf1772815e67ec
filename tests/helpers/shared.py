"""Random changes by two mounts of one store and by a foreign program, and what all of them show then.

    shared.py redis|sqlite STORE A B SECONDS [SEED]

In rounds: three threads change what lies under a few names (through mount A, through mount B, and in
the store itself), then all are quiet for 2 s, and then both mounts have to show what the store
holds: names, values, sizes by ls -l and by stat, ends. Names are listed again for PATIENCE seconds if
need be, for a busy machine may be late with what it finds in the background; nothing but time mends
them, since nobody looks them up. All the rest has to be right at once. The last line counts.
"""
import errno
import os
import random
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from redis import PREFIX, Client  # noqa: E402 (the one beside this file)

QUIET = 2
PATIENCE = 60
ROUND = 1.5
DIRS = ["", "d0", "d1", "d1/s", "d2"]
NAMES = ["a", "b", "c", "d", "e"]
ENDS = [0.2, 0.5, 300, 900]


class RedisStore:
    def __init__(self, place):
        self.client = Client(place)

    def set(self, key, value, ttl):
        self.client(b"SET", PREFIX + key, value, *([b"PX", b"%d" % (ttl * 1000)] if ttl else []))

    def end(self, key, ttl):
        self.client(b"PEXPIRE", PREFIX + key, b"%d" % (ttl * 1000))

    def remove(self, key):
        self.client(b"DEL", PREFIX + key)

    def clear(self, prefix):
        self.client.invalidate_prefix(prefix)

    def names(self):
        cursor, found = b"0", set()
        while True:
            cursor, keys = self.client(b"SCAN", cursor, b"MATCH", PREFIX + b"*", b"COUNT", b"1000")
            found.update(k[len(PREFIX):] for k in keys)
            if cursor == b"0":
                return found

    def all(self):
        entries = {}
        for key in self.names():
            value, left = self.client(b"GET", PREFIX + key), self.client(b"PTTL", PREFIX + key)
            if value is not None and left != -2:
                entries[key] = (value, None if left < 0 else time.time() + left / 1000)
        markers = self.client(b"ZRANGE", b"cachefs:dirs:" + PREFIX, b"0", b"-1")
        return entries, {m.split(b"\0")[0].rstrip(b"/") for m in markers}


class SqliteStore:
    def __init__(self, place):
        self.db = sqlite3.connect(place, timeout=60, check_same_thread=False, isolation_level=None)

    def set(self, key, value, ttl):
        now = time.time()
        self.db.execute("INSERT OR REPLACE INTO cache (cache_key, payload, expires_at, updated_at)"
                        " VALUES (?, ?, ?, ?)", (key.decode(), value.decode(), now + ttl if ttl else None, now))

    def end(self, key, ttl):
        self.db.execute("UPDATE cache SET expires_at = ? WHERE cache_key = ?", (time.time() + ttl, key.decode()))

    def remove(self, key):
        self.db.execute("DELETE FROM cache WHERE cache_key = ?", (key.decode(),))

    def clear(self, prefix):
        self.db.execute("DELETE FROM cache WHERE cache_key LIKE ?", (prefix.decode() + "%",))

    def all(self):
        now = time.time()
        rows = self.db.execute("SELECT CAST(cache_key AS BLOB), CAST(payload AS BLOB), expires_at FROM cache")
        entries = {key: (value, end) for key, value, end in rows if end is None or end > now}
        return entries, {dir.rstrip(b"/") for dir, in self.db.execute("SELECT CAST(dir AS BLOB) FROM cachefs_dirs")}


STORES = {"redis": RedisStore, "sqlite": SqliteStore}


class Actor(threading.Thread):
    """Changes something again and again; what the others do at once may make a change fail."""

    def __init__(self, name, seed, end):
        super().__init__()
        self.label, self.random, self.end, self.changes, self.errors = name, random.Random(seed), end, 0, set()

    def key(self):
        directory = self.random.choice(DIRS)
        return (directory + "/" if directory else "") + self.random.choice(NAMES)

    def value(self):
        self.changes += 1
        return ('"%s %d' % (self.label, self.changes) + "." * self.random.randrange(300) + '"').encode()

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.change()
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
                self.changes += 1
            except OSError as error:
                if error.errno not in (39, 116):  # ENOTEMPTY; ESTALE: see docs/limits.md
                    self.errors.add("%s: %s" % (self.label, error))
            except Exception as error:
                self.errors.add("%s: %r" % (self.label, error))
            time.sleep(self.random.random() * 0.01)


class Mount(Actor):
    def __init__(self, name, seed, end, path):
        super().__init__(name, seed, end)
        self.path = path

    def change(self):
        path, dice = os.path.join(self.path, self.key()), self.random.random()
        if dice < 0.4:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(self.value())
        elif dice < 0.5:
            os.unlink(path)
        elif dice < 0.55:
            os.rename(path, os.path.join(self.path, self.key()))
        elif dice < 0.6:
            os.setxattr(path, "user.cachefs.ttl", str(self.random.choice(ENDS)).encode())
        elif dice < 0.63:
            os.rmdir(os.path.join(self.path, self.random.choice(DIRS[1:])))
        elif dice < 0.66:
            os.chmod(path, self.random.choice([0o600, 0o644]))
        elif dice < 0.85:
            with open(path, "rb") as file:
                file.read()
        else:
            for entry in os.scandir(os.path.dirname(path)):
                entry.stat(follow_symlinks=False)


class Foreigner(Actor):
    def __init__(self, seed, end, store):
        super().__init__("F", seed, end)
        self.store = store

    def change(self):
        key, dice = self.key().encode(), self.random.random()
        if dice < 0.5:
            self.store.set(key, self.value(), self.random.choice([None, None] + ENDS))
        elif dice < 0.6:
            self.store.end(key, self.random.choice(ENDS))
        elif dice < 0.95:
            self.store.remove(key)
        else:
            self.store.clear(self.random.choice(DIRS[1:]).encode() + b"/")


def names_of(mount):
    """What listings alone say: files, directories."""
    files, dirs = set(), set()

    def walk(directory):
        for entry in list(os.scandir(os.path.join(mount, directory))):
            name = os.path.join(directory, entry.name)
            if entry.is_dir(follow_symlinks=False):
                dirs.add(name.encode())
                walk(name)
            else:
                files.add(name.encode())

    walk("")
    return files, dirs


def wrong_names(mount, store):
    entries, markers = store.all()
    there = {key[:i] for key in set(entries) | {m + b"/" for m in markers if m}
             for i in range(len(key)) if key[i:i + 1] == b"/"}
    try:
        files, dirs = names_of(mount)
    except OSError as error:
        return [str(error)]
    told = []
    for word, names in ("ghost", files - entries.keys()), ("missing", entries.keys() - files), \
                       ("ghost directory", dirs - there), ("missing directory", there - dirs):
        told += ["%s: %s %s" % (os.path.basename(mount), word, name.decode()) for name in sorted(names)]
    return told


def end_of(path):
    """In Unix time; None: it has none."""
    try:
        return float(os.getxattr(path, "user.cachefs.expires_at"))
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None


def wrong_entries(mount, store):
    told = []
    for directory in DIRS:
        path = os.path.join(mount, directory)
        if not os.path.isdir(path):
            continue
        listed = {e.name: e.stat(follow_symlinks=False).st_size for e in list(os.scandir(path))}
        for key, (value, end) in sorted(store.all()[0].items()):
            name = os.path.basename(key.decode())
            if os.path.dirname(key.decode()) != directory or (end and end < time.time() + 5):
                continue
            path_of = os.path.join(path, name)
            try:
                size = os.stat(path_of).st_size
                with open(path_of, "rb") as file:
                    got = file.read()
                got_end = end_of(path_of)
            except OSError as error:
                told.append("%s: %s" % (key.decode(), error))
                continue
            if got != value:
                told.append("%s is %r, not %r" % (key.decode(), got[:20], value[:20]))
            if size != len(value) or listed.get(name) != len(value):
                told.append("size of %s is %d, by ls -l %s, not %d"
                            % (key.decode(), size, listed.get(name), len(value)))
            if (got_end is None) != (end is None) or (end and abs(got_end - end) > 2):
                told.append("end of %s is %s, not %s" % (key.decode(), got_end, end))
    return ["%s: %s" % (os.path.basename(mount), text) for text in told]


def settle(mounts, store):
    """How long it took until all names were right; what was not at first, and what is not to the end."""
    begun, first = time.monotonic(), None
    while True:
        told = [text for mount in mounts for text in wrong_names(mount, store)]
        took = time.monotonic() - begun
        if first is None:
            first = told
        if told and took < PATIENCE:
            time.sleep(0.1)
            continue
        return took, first, told + [text for mount in mounts for text in wrong_entries(mount, store)]


def main():
    kind, place, a, b, seconds = sys.argv[1:6]
    seed = int(sys.argv[6]) if len(sys.argv) > 6 else random.randrange(1 << 30)
    print("seed", seed, flush=True)
    end, rounds, changes, late, longest, failed = time.monotonic() + float(seconds), 0, 0, 0, 0.0, False
    store = STORES[kind](place)
    while time.monotonic() < end and not failed:
        until = time.monotonic() + ROUND
        actors = [Mount("A", (seed, rounds, 1).__hash__(), until, a),
                  Mount("B", (seed, rounds, 2).__hash__(), until, b),
                  Foreigner((seed, rounds, 3).__hash__(), until, STORES[kind](place))]
        for actor in actors:
            actor.start()
        for actor in actors:
            actor.join()
            changes += actor.changes
            for error in actor.errors:
                print("unexpected:", error)
                failed = True
        time.sleep(QUIET)
        took, first, told = settle([a, b], store)
        rounds += 1
        if first:
            late += 1
            longest = max(longest, took)
            print("round %d: after %d s of quiet, %.1f s late: %s" % (rounds, QUIET, took, "; ".join(first)))
        for text in told:
            print("round %d: wrong to the end: %s" % (rounds, text))
            failed = True
        sys.stdout.flush()
    print("%s: %d changes in %d rounds; names were late after %d of them (%d s of quiet, and at most %.1f s)"
          % (kind, changes, rounds, late, QUIET, longest))
    sys.exit(failed)


if __name__ == "__main__":
    main()
