"""What the AccuralAI cache package for Python does to its Redis store, and any other command.

    redis.py SOCKET COMMAND [ARGUMENT...]

SOCKET is a UNIX socket's path or HOST:PORT. COMMAND is one of Redis's, sent as it stands, or one of
the package's operations, with its key prefix and its shapes: a value is a plain string, a time to
live is PX.

    cache-set KEY VALUE [TTL_SECONDS]   cache-get KEY   cache-invalidate KEY
    cache-invalidate-prefix PREFIX      fill COUNT KEY_PREFIX (COUNT sets in one go)

Prints the reply; exits with 1 if it is an error, or nothing for a get.
"""
import os
import socket
import sys

PREFIX = b"accuralai:cache:"


class Client:
    def __init__(self, place):
        host, colon, port = place.rpartition(":")
        if colon and port.isdigit():
            self.socket = socket.create_connection((host, int(port)), 20)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(20)
            self.socket.connect(place)
        self.replies = self.socket.makefile("rb")

    def send(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def reply(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        size = int(rest)
        if size < 0:
            return None
        if kind == b"*":
            return [self.reply() for _ in range(size)]
        return self.replies.read(size + 2)[:-2]

    def __call__(self, *words):
        self.send(*words)
        return self.reply()

    def invalidate_prefix(self, prefix):
        cursor = b"0"
        while True:
            cursor, keys = self(b"SCAN", cursor, b"MATCH", PREFIX + prefix + b"*", b"COUNT", b"100")
            for key in keys:
                self(b"DEL", key)
            if cursor == b"0":
                return None

    def fill(self, count, prefix):
        for i in range(count):
            self.send(b"SET", PREFIX + prefix + b"%06d" % i, b"v%d" % i)
            if i % 1000 == 999 or i == count - 1:
                for _ in range(i % 1000 + 1):
                    self.reply()


def run(client, command, *words):
    if command == b"cache-set":
        key, value, *ttl = words
        px = [b"PX", b"%d" % int(float(ttl[0]) * 1000)] if ttl else []
        return client(b"SET", PREFIX + key, value, *px)
    if command == b"cache-get":
        return client(b"GET", PREFIX + words[0])
    if command == b"cache-invalidate":
        return client(b"DEL", PREFIX + words[0])
    if command == b"cache-invalidate-prefix":
        return client.invalidate_prefix(words[0])
    if command == b"fill":
        return client.fill(int(words[0]), words[1])
    return client(command, *words)


def show(reply):
    if isinstance(reply, list):
        return b"\n".join(show(item) for item in reply)
    return reply if isinstance(reply, bytes) else str(reply).encode()


def main():
    words = [os.fsencode(word) for word in sys.argv[2:]]
    try:
        reply = run(Client(sys.argv[1]), *words)
    except (OSError, RuntimeError) as error:
        sys.exit(str(error))
    if reply is None and words[0] in (b"cache-get", b"GET"):
        sys.exit(1)
    if reply is not None:
        sys.stdout.buffer.write(show(reply) + b"\n")


if __name__ == "__main__":
    main()
