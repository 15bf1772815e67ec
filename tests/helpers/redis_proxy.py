"""Stands between the daemon and Redis, and is the network, or the server, on a bad day.

    redis_proxy.py SOCKET SERVER_SOCKET MODE_FILE

Listens on the UNIX socket SOCKET. The word in MODE_FILE, which may change at any time, says how:

    pass      as if it were not there
    trickle   the server's bytes arrive one by one, ten in a second
    deaf      connections wait in the queue and are not accepted
    cut       each answer breaks off in its middle, with the connection
    hold      what clients send does not arrive, and stays on its way even when they have hung up,
    release   until now: it arrives at last, and "released" is printed for each connection

A connection that was held stays so in the modes after it until "release"; others are not.
"""
import asyncio
import socket
import sys

PLACE, SERVER, MODE_FILE = sys.argv[1:]
TICK = 0.02


def mode():
    with open(MODE_FILE) as file:
        return file.read().strip()


async def forward(reader, writer):
    held = False
    while data := await reader.read(65536):
        held = held or mode() == "hold"
        while held and mode() != "release":
            await asyncio.sleep(TICK)
        try:
            writer.write(data)
            await writer.drain()
        except OSError:
            pass
        if held:
            await asyncio.sleep(TICK)  # for the server to carry it out
            print("released", flush=True)
        held = False
    writer.close()


async def back(reader, writer):
    while data := await reader.read(65536):
        if mode() == "cut":
            writer.write(data[: len(data) // 2])
            break
        if mode() != "trickle":
            writer.write(data)
            await writer.drain()
            continue
        for i in range(len(data)):
            writer.write(data[i : i + 1])
            await writer.drain()
            if mode() == "trickle":
                await asyncio.sleep(0.1)
    writer.close()


async def serve(client):
    reader, writer = await asyncio.open_unix_connection(sock=client)
    server_reader, server_writer = await asyncio.open_unix_connection(SERVER)
    await asyncio.gather(forward(reader, server_writer), back(server_reader, writer), return_exceptions=True)
    for end in (writer, server_writer):
        end.close()


async def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PLACE)
    listener.listen(1)
    listener.setblocking(False)
    tasks = set()
    while True:
        while mode() == "deaf":
            await asyncio.sleep(TICK)
        try:
            client, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(listener), 0.1)
        except asyncio.TimeoutError:
            continue
        client.setblocking(False)
        task = asyncio.create_task(serve(client))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
