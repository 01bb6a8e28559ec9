"""Sockets, threads and children; what a server process does."""

import asyncio
import os
import sys
import threading
import time

from measure import percentile, resident_bytes
from tasks import Latch
from waits import under_each_load

MESSAGE = bytes([7] * 64)
GREETING = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!"


class Echo(asyncio.Protocol):
    """Protocols, not streams, which are asyncio's fastest way; both loops turn Nagle's algorithm off."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Http(Echo):
    """A greeting for each request."""

    buffer = b""

    def data_received(self, data):
        *requests, self.buffer = (self.buffer + data).split(b"\r\n\r\n")
        for _ in requests:
            self.transport.write(GREETING)


async def listen(protocol):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
    return server, server.sockets[0].getsockname()[1]


async def serve(what):
    _server, port = await listen({"echo": Echo, "http": Http}[what])
    print(port, flush=True)

    def answer():
        for line in sys.stdin:
            if line.strip() == "cpu":
                print(time.process_time_ns(), flush=True)
            else:
                print(resident_bytes(), flush=True)
        os._exit(0)

    threading.Thread(target=answer, daemon=True).start()
    await asyncio.get_running_loop().create_future()


async def trip(reader, writer):
    writer.write(MESSAGE)
    assert await reader.readexactly(len(MESSAGE)) == MESSAGE


async def echo(ctx, full, connections):
    measured = max(ctx.times(full) // connections, 5)
    server, port = await listen(Echo)
    warm, start = Latch(connections), asyncio.Event()

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(measured // 10 + 1):
            await trip(reader, writer)
        warm.arrive()
        await start.wait()
        seen = []
        for _ in range(measured):
            before = time.perf_counter_ns()
            await trip(reader, writer)
            seen.append(time.perf_counter_ns() - before)
        writer.close()
        return seen

    clients = [asyncio.create_task(client()) for _ in range(connections)]
    await warm.open
    cpu, begun = time.process_time_ns(), time.perf_counter_ns()
    start.set()
    seen = [nanos for client in clients for nanos in await client]
    wall, cpu = time.perf_counter_ns() - begun, time.process_time_ns() - cpu
    server.close()
    n = connections * measured
    return [wall / n, percentile(seen, 0.5) / 1000, percentile(seen, 0.99) / 1000, cpu / n]


async def connect_close(n):
    server, port = await listen(Echo)
    for _ in range(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await trip(reader, writer)
        writer.close()
        await writer.wait_closed()
    server.close()


async def process_spawn(n):
    for _ in range(n):
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0


async def spawn_blocking(n):
    for i in range(n):
        assert await asyncio.to_thread(lambda: i) == i


async def trips(n):
    server, port = await listen(Echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen = []
    for _ in range(n):
        await asyncio.sleep(0.001)
        start = time.perf_counter()
        await trip(reader, writer)
        seen.append(time.perf_counter() - start)
    writer.close()
    server.close()
    return seen


ROWS = {
    "echo_1": lambda ctx: echo(ctx, 20_000, 1),
    "echo_64": lambda ctx: echo(ctx, 60_000, 64),
    "echo_1000": lambda ctx: echo(ctx, 60_000, 1000),
    "connect_close": lambda ctx: ctx.per_op(2000, connect_close),
    "process_spawn": lambda ctx: ctx.per_op(1000, process_spawn),
    "spawn_blocking": lambda ctx: ctx.per_op(10_000, spawn_blocking),
    "fair_echo": lambda ctx: under_each_load(ctx, trips),
}
