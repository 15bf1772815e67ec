"""Temporary files of every fate, below a directory of the mount; what is to be there afterwards.

    temporary.py make DIRECTORY NUMBER COUNT SEED      the model is printed as JSON, name to content
    temporary.py look DIRECTORY <MODEL                 says what is missing, different or too much
"""
import json
import os
import random
import sys

SUFFIXES = ".tmp", ".part", ".incomplete", "~", ".tmp.7", ".lock"
EMPTY_KEPT = 200


class Maker:
    def __init__(self, directory, number, seed):
        self.directory = directory
        self.prefix = "w%d-" % number
        self.random = random.Random(seed)
        self.there = {}
        self.empty = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content, flags=os.O_TRUNC, sync=False):
        fd = os.open(self.path(name), os.O_CREAT | os.O_WRONLY | flags, 0o600 if flags & os.O_EXCL else 0o644)
        os.write(fd, content.encode())
        if sync:
            os.fsync(fd)
        os.close(fd)

    def make(self, i):
        name = "%s%d%s" % (self.prefix, i, self.random.choice(SUFFIXES))
        content = "%d " % i * self.random.choice((1, 7, 300, 3000))
        fate = self.random.choice(FATES)
        fate(self, i, name, content)

    # --- fates ---

    def left(self, i, name, content):
        self.write(name, content)
        self.there[name] = content

    def synced(self, i, name, content):
        self.write(name, content, sync=self.random.random() < 0.05)
        self.there[name] = content

    def drawn(self, i, name, content):
        name = "tmp%s%07d" % (self.prefix[1], i)
        self.write(name, content, os.O_EXCL)
        self.there[name] = content

    def renamed(self, i, name, content):
        self.write(name, content)
        target = self.prefix + "key%d" % (i % 100)
        os.rename(self.path(name), self.path(target))
        self.there[target] = content

    def moved(self, i, name, content):
        self.write(name, content)
        target = name + ".part"
        os.rename(self.path(name), self.path(target))
        self.there[target] = content

    def removed(self, i, name, content):
        self.write(name, content)
        os.unlink(self.path(name))

    def written_on(self, i, name, content):
        before = next((n for n in reversed(self.there) if "key" not in n and "link" not in n), None)
        if before is None:
            return
        self.write(before, "more", os.O_APPEND)
        self.there[before] += "more"

    def emptied(self, i, name, content):
        self.write(name, content)
        os.truncate(self.path(name), 0)
        self.forget_empty(name)

    def made_empty(self, i, name, content):
        self.write(name, "")
        self.forget_empty(name)

    # An empty one stays until somebody removes it: somebody does, or there is no room in the end.
    def forget_empty(self, name):
        self.empty.append(name)
        if len(self.empty) > EMPTY_KEPT:
            os.unlink(self.path(self.empty.pop(0)))

    def ended(self, i, name, content):
        self.write(name, content)
        os.setxattr(self.path(name), "user.cachefs.ttl", b"0.2")

    def linked(self, i, name, content):
        name = "%slink%d.tmp" % (self.prefix, i)
        os.symlink(content[:200], self.path(name))
        self.there[name] = content[:200]

    def in_a_directory(self, i, name, content):
        directory = self.prefix + "d%d" % (i % 10)
        os.makedirs(self.path(directory), exist_ok=True)
        self.write(directory + "/" + name, content)
        if self.random.random() < 0.1:
            os.rmdir(self.path(directory))
            for other in [n for n in self.there if n.startswith(directory + "/")]:
                del self.there[other]
        else:
            self.there[directory + "/" + name] = content


FATES = (Maker.left, Maker.left, Maker.synced, Maker.drawn, Maker.renamed, Maker.moved, Maker.removed, Maker.written_on,
         Maker.emptied, Maker.made_empty, Maker.ended, Maker.linked, Maker.in_a_directory)


def make(directory, number, count, seed):
    maker = Maker(directory, int(number), int(seed))
    for i in range(int(count)):
        maker.make(i)
    json.dump(maker.there, sys.stdout)


def found(path):
    if os.path.islink(path):
        return os.readlink(path)
    with open(path) as f:
        return f.read()


def look(directory):
    model = json.load(sys.stdin)
    names = [os.path.relpath(os.path.join(at, n), directory)
             for at, _, files in os.walk(directory) for n in files]
    wrong = ["too much: " + n for n in names if n not in model]
    for name, content in model.items():
        try:
            if found(os.path.join(directory, name)) != content:
                wrong.append("different: " + name)
        except FileNotFoundError:
            wrong.append("missing: " + name)
    sys.exit("%d of %d: %s" % (len(wrong), len(model), "; ".join(wrong[:5])) if wrong else 0)


if __name__ == "__main__":
    {"make": make, "look": look}[sys.argv[1]](*sys.argv[2:])
