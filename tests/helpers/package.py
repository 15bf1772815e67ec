#!/usr/bin/env python3
"""Reads and writes stores in exactly the shapes of the Python cache package.

package.py sqlite PATH COMMANDS...      package.py files DIRECTORY COMMANDS...

Commands are taken from the arguments, or with "-" line by line from standard input, each answered
by a line, so that one process can hold its connection open while others work:
  set KEY PAYLOAD [TTL]   PAYLOAD is JSON; TTL in seconds
  replace KEY PAYLOAD     the same by INSERT OR REPLACE (SQLite)
  get KEY                 prints the payload as JSON, or "miss"
  use KEY                 the same as a get that counts: it moves updated_at (SQLite)
  evict COUNT             removes what has the oldest updated_at (SQLite)
  invalidate KEY          invalidate-prefix PREFIX
  many PREFIX COUNT       sets PREFIX0, PREFIX1, ... in one transaction
  recreate                drops the table and makes it as the package does (SQLite)
"""
import json
import os
import shlex
import sqlite3
import sys
import time

SCHEMA = """
CREATE TABLE IF NOT EXISTS cache (
    cache_key TEXT PRIMARY KEY,
    payload TEXT NOT NULL,
    expires_at REAL,
    updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_cache_expires ON cache(expires_at);
"""


class Sqlite:
    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=30)
        self.db.executescript(SCHEMA)

    def set(self, key, payload, ttl=None):
        now = time.time()
        with self.db:
            self.db.execute(
                "INSERT INTO cache (cache_key, payload, expires_at, updated_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT(cache_key) DO UPDATE SET payload = excluded.payload,"
                " expires_at = excluded.expires_at, updated_at = excluded.updated_at",
                (key, json.dumps(json.loads(payload)), now + float(ttl) if ttl else None, now))

    def replace(self, key, payload, ttl=None):
        now = time.time()
        with self.db:
            self.db.execute(
                "INSERT OR REPLACE INTO cache (cache_key, payload, expires_at, updated_at)"
                " VALUES (?, ?, ?, ?)",
                (key, json.dumps(json.loads(payload)), now + float(ttl) if ttl else None, now))

    def get(self, key):
        row = self.db.execute("SELECT payload, expires_at FROM cache WHERE cache_key = ?", (key,)).fetchone()
        if row is None:
            return "miss"
        if row[1] is not None and row[1] <= time.time():
            self.invalidate(key)
            return "miss"
        return json.dumps(json.loads(row[0]))

    def use(self, key):
        with self.db:
            self.db.execute("UPDATE cache SET updated_at = ? WHERE cache_key = ?", (time.time(), key))
        return self.get(key)

    def evict(self, count):
        with self.db:
            self.db.execute(
                "DELETE FROM cache WHERE cache_key IN (SELECT cache_key FROM cache ORDER BY updated_at LIMIT ?)",
                (int(count),))

    def invalidate(self, key):
        with self.db:
            self.db.execute("DELETE FROM cache WHERE cache_key = ?", (key,))

    def invalidate_prefix(self, prefix):
        with self.db:
            self.db.execute("DELETE FROM cache WHERE cache_key LIKE ?", (prefix + "%",))

    def many(self, prefix, count):
        now = time.time()
        with self.db:
            self.db.executemany(
                "INSERT OR REPLACE INTO cache (cache_key, payload, expires_at, updated_at)"
                " VALUES (?, ?, NULL, ?)",
                ((f"{prefix}{i}", json.dumps({"n": i}), now) for i in range(int(count))))

    def recreate(self):
        with self.db:
            self.db.execute("DROP TABLE cache")
        self.db.executescript(SCHEMA)


class Files:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def path(self, key):
        return os.path.join(self.directory, key.replace("/", "_").replace("\\", "_") + ".json")

    def set(self, key, payload, ttl=None):
        entry = {"payload": json.loads(payload), "expires_at": time.time() + float(ttl) if ttl else None}
        with open(self.path(key), "w", encoding="utf-8") as f:
            json.dump(entry, f, indent=2)

    def get(self, key):
        try:
            with open(self.path(key), encoding="utf-8") as f:
                entry = json.load(f)
        except FileNotFoundError:
            return "miss"
        if entry["expires_at"] is not None and entry["expires_at"] <= time.time():
            os.unlink(self.path(key))
            return "miss"
        return json.dumps(entry["payload"])

    def invalidate(self, key):
        try:
            os.unlink(self.path(key))
        except FileNotFoundError:
            pass

    def invalidate_prefix(self, prefix):
        start = prefix.replace("/", "_").replace("\\", "_")
        for name in os.listdir(self.directory):
            if name.startswith(start):
                os.unlink(os.path.join(self.directory, name))

    def many(self, prefix, count):
        for i in range(int(count)):
            self.set(f"{prefix}{i}", json.dumps({"n": i}))


def run(store, words):
    print(getattr(store, words[0].replace("-", "_"))(*words[1:]) or "ok", flush=True)


def main():
    store = (Sqlite if sys.argv[1] == "sqlite" else Files)(sys.argv[2])
    if sys.argv[3:] != ["-"]:
        run(store, sys.argv[3:])
        return
    for line in sys.stdin:
        run(store, shlex.split(line))


main()
