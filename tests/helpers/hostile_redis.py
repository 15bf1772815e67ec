"""Stands between the daemon and Redis and damages what the server answers.

    hostile_redis.py SOCKET SERVER_SOCKET MODE_FILE

Listens on the UNIX socket SOCKET. The words in MODE_FILE, which may change at any time, say how:

    pass                  as if it were not there
    COMMAND WAY           each answer to that command, in a transaction or not
    one-in N SEED         one of N answers, to any command in any way

Each answer that was damaged is a line "COMMAND WAY" of the output. The ways:

    type      a number for a string, a string for all else
    nil       there is none
    huge      announces 2^31 - 1 elements, or 10^11 bytes, and is silent
    negative  announces less than nothing
    short     announces more than there is
    slow      byte by byte, ten in a second
    extra     another one behind it
    nested    in an array, in an array, ...
    error     the server refuses
    closed    breaks off in the middle, with the connection

and of ZRANGEBYLEX, alone:

    outside   all members of the set, whatever range was asked for
    again     the first member of the set, again and again
"""
import asyncio
import random
import sys

PLACE, SERVER, MODE_FILE = sys.argv[1:]
WAYS = "type nil huge negative short slow extra nested error closed".split()


class Mode:
    def __init__(self):
        self.text, self.random = "", None

    def way(self, command):
        """How the answer to the command is damaged; None: not at all."""
        with open(MODE_FILE) as file:
            text = file.read().strip()
        if text != self.text:
            self.text, self.random = text, random.Random(text)
        words = text.split()
        if words[0] == "one-in":
            return self.random.choice(WAYS) if self.random.randrange(int(words[1])) == 0 else None
        return words[1] if words[0].encode() == command else None


MODE = Mode()


async def read_node(reader):
    """A reply, or a command, as it stands: its bytes, and those of its elements if it is an array."""
    line = await reader.readuntil(b"\r\n")
    kind, size = line[:1], int(line[1:-2]) if line[:1] in b"$*:" else 0
    if kind == b"$" and size >= 0:
        return line + await reader.readexactly(size + 2), None
    if kind == b"*" and size >= 0:
        nodes = [await read_node(reader) for _ in range(size)]
        return line + b"".join(node[0] for node in nodes), nodes
    return line, None


class Cut(Exception):
    pass


class Stream:
    """What goes to the client: whole answers, or what became of them."""

    def __init__(self, writer):
        self.writer = writer

    async def slowly(self, data):
        for i in range(len(data)):
            self.writer.write(data[i : i + 1])
            await self.writer.drain()
            await asyncio.sleep(0.1)

    async def damaged(self, before, data, way, after):
        """The answer (before + data + after), of which data is damaged."""
        array, text = data[:1] == b"*", data[:1] == b"$"
        if way in ("closed", "huge"):
            huge = b"*2147483647\r\n" if array else b"$99999999999\r\n"
            self.writer.write(before + (data[: len(data) // 2] if way == "closed" else huge))
            await self.writer.drain()
            if way == "huge":
                await asyncio.sleep(3600)
            raise Cut
        if way == "slow":
            self.writer.write(before)
            await self.slowly(data)
            self.writer.write(after)
            return
        body = data.split(b"\r\n", 1)[1]
        count = int(data[1 : data.index(b"\r\n")]) if array or text else 0
        damaged = {
            "type": b":7\r\n" if text or array else b"$3\r\nabc\r\n",
            "nil": b"*-1\r\n" if array else b"$-1\r\n",
            "negative": b"*-7\r\n" if array else b"$-7\r\n",
            "short": data[:1] + b"%d\r\n" % (count + 3) + body if array or text else b"$9\r\n" + data,
            "extra": data + random.choice((b":1\r\n", b"+OK\r\n", b"*0\r\n", data)),
            "nested": b"*1\r\n" * random.choice((1, 2, 12)) + data,
            "error": random.choice((b"-ERR hostile\r\n", b"-OOM hostile\r\n", b"-NOPERM hostile\r\n")),
        }[way]
        self.writer.write(before + damaged + after)


async def commands(reader, writer, names):
    """Passes commands on; their names go ahead of their answers. Within MULTI they answer with EXEC."""
    queued = None
    while True:
        data, nodes = await read_node(reader)
        name = nodes[0][0].split(b"\r\n")[1].upper()
        if name == b"MULTI":
            queued = []
        elif queued is not None and name != b"EXEC":
            queued.append(name)
        place = nodes[1][0] if len(nodes) > 1 else b""
        await names.put((name, list(queued) if name == b"EXEC" and queued else None, place))
        if name == b"EXEC":
            queued = None
        writer.write(data)
        await writer.drain()


async def members(place):
    """The first page of a set, as bytes of members."""
    reader, writer = await asyncio.open_unix_connection(SERVER, limit=1 << 30)
    writer.write(b"*7\r\n$11\r\nZRANGEBYLEX\r\n" + place)
    writer.write(b"$1\r\n-\r\n$1\r\n+\r\n$5\r\nLIMIT\r\n$1\r\n0\r\n$2\r\n32\r\n")
    _, nodes = await read_node(reader)
    writer.close()
    return [node[0] for node in nodes]


async def other_page(place, way):
    found = await members(place)
    found = found[:1] * 32 if way == "again" else found
    return b"*%d\r\n" % len(found) + b"".join(found)


def told(name, way):
    print(name.decode(), way, flush=True)


async def answers(reader, writer, names):
    stream = Stream(writer)
    while True:
        data, nodes = await read_node(reader)
        name, queued, place = await names.get()
        way = MODE.way(name) if data != b"+QUEUED\r\n" else None
        if way in ("outside", "again"):
            told(name, way)
            writer.write(await other_page(place, way))
        elif way:
            told(name, way)
            await stream.damaged(b"", data, way, b"")
        elif queued and nodes and len(nodes) == len(queued):
            for i, one in enumerate(queued):
                way = MODE.way(one)
                if way and way not in ("outside", "again"):
                    told(one, way)
                    head = data.split(b"\r\n", 1)[0] + b"\r\n"
                    before = head + b"".join(node[0] for node in nodes[:i])
                    await stream.damaged(before, nodes[i][0], way, b"".join(node[0] for node in nodes[i + 1 :]))
                    break
            else:
                writer.write(data)
        else:
            writer.write(data)
        await writer.drain()


async def serve(reader, writer):
    server_reader, server_writer = await asyncio.open_unix_connection(SERVER, limit=1 << 30)
    names = asyncio.Queue()
    tasks = [
        asyncio.create_task(commands(reader, server_writer, names)),
        asyncio.create_task(answers(server_reader, writer, names)),
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for end in (writer, server_writer):
        end.close()


async def main():
    server = await asyncio.start_unix_server(serve, PLACE, limit=1 << 30)
    await server.serve_forever()


asyncio.run(main())
