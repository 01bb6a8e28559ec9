"""Locks and queues; sleeps, timeouts and ticks; who waits while others compute."""

import asyncio
import time

from measure import busy_for, percentile, resident_bytes
from tasks import Latch


async def mutex_uncontended(n):
    lock = asyncio.Lock()
    for _ in range(n):
        async with lock:
            pass


async def by_tasks(tasks, work):
    for task in [asyncio.create_task(work()) for _ in range(tasks)]:
        await task


async def mutex_ten_tasks(n, yields):
    lock, each, count = asyncio.Lock(), -(-n // 10), 0

    async def task():
        nonlocal count
        for _ in range(each):
            async with lock:
                if yields:
                    await asyncio.sleep(0)
                count += 1

    await by_tasks(10, task)
    assert count == 10 * each


async def semaphore_uncontended(n):
    permits = asyncio.Semaphore(1)
    for _ in range(n):
        async with permits:
            pass


async def semaphore_tasks(n):
    permits, each = asyncio.Semaphore(3), -(-n // 100)

    async def task():
        for _ in range(each):
            async with permits:
                await asyncio.sleep(0)

    await by_tasks(100, task)


async def pingpong_queues(n):
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def pong():
        while (ball := await there.get()) is not None:
            await back.put(ball)

    other = asyncio.create_task(pong())
    for i in range(n):
        await there.put(i)
        assert await back.get() == i
    await there.put(None)
    await other


async def oneshot(n):
    loop = asyncio.get_running_loop()
    for i in range(n):
        future = loop.create_future()
        future.set_result(i)
        assert await future == i


async def transfer(n, capacity, senders, receivers):
    queue, each = asyncio.Queue(capacity), -(-n // senders)

    async def send():
        for number in range(each):
            await queue.put(number)

    async def receive():
        received = 0
        while await queue.get() is not None:
            received += 1
        return received

    receiving = [asyncio.create_task(receive()) for _ in range(receivers)]
    await by_tasks(senders, send)
    for _ in receiving:
        await queue.put(None)
    assert sum([await task for task in receiving]) == each * senders


async def sleep_many(ctx):
    tasks = ctx.crowd(100_000)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.001)
    before, start = resident_bytes(), time.perf_counter_ns()
    # Long enough for all to fall asleep before.
    delay = 6.0 if tasks > 10_000 else 0.5
    deadline, due = loop.time() + delay, start + int(delay * 1e9)
    asleep, awake = Latch(tasks), Latch(tasks)

    async def sleeper():
        asleep.arrive()
        await asyncio.sleep(deadline - loop.time())
        awake.arrive()

    kept = [asyncio.create_task(sleeper()) for _ in range(tasks)]
    started = await asleep.open
    await asyncio.sleep(0.02)
    memory = max(resident_bytes() - before, 0)
    end = await awake.open
    assert started < due, "the machine is too slow for this row"
    del kept
    return [(started - start) / tasks, max(end - due, 0) / tasks, memory / tasks]


async def timer_create_drop(n):
    loop = asyncio.get_running_loop()
    for i in range(n):
        loop.call_later(3600, int).cancel()
        if i % 64 == 63:
            await asyncio.sleep(0)


async def timeout_ready(n):
    for i in range(n):

        async def ready():
            return i

        async with asyncio.timeout(3600):
            assert await ready() == i


async def timeout_pending(n):
    for _ in range(n):
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)


async def timeout_pending_tasks(n):
    await by_tasks(100, lambda: timeout_pending(-(-n // 100)))


async def sleep_late(ctx):
    off = []
    for i in range(max(ctx.times(3000), 1)):
        duration = (1000 + i * 1237 % 4000) / 1e6
        deadline = time.perf_counter() + duration
        await asyncio.sleep(duration)
        # As in `ticks`: what is early is off as well.
        off.append(abs(time.perf_counter() - deadline) * 1e6)
    return [percentile(off, q) for q in (0.5, 0.99)]


async def tick(ctx):
    n = max(ctx.times(10_000), 100)
    loop = asyncio.get_running_loop()
    deadline = loop.time()
    for i in range(20 + n):
        if i == 20:
            before = time.process_time_ns()
        deadline += 0.001
        await asyncio.sleep(deadline - loop.time())
    return [(time.process_time_ns() - before) / 1000 / n]


async def idle_empty(_):
    await asyncio.sleep(0.1)
    before = time.process_time_ns()
    await asyncio.sleep(1)
    return [(time.process_time_ns() - before) / 1000]


STINT = 100e-6


async def under_each_load(ctx, watch):
    """The p99 and p99.9 of what `watch` sees while another task wants 10, 50, 100 % of the one core."""
    n, numbers = max(ctx.times(30_000), 20), []
    for load in (10, 50, 100):
        over = False

        async def compute():
            while not over:
                busy_for(STINT)
                await asyncio.sleep(STINT * (100 - load) / load)

        other = asyncio.create_task(compute())
        seen = await watch(n)
        over = True
        await other
        numbers.extend(percentile(seen, q) * 1e6 for q in (0.99, 0.999))
    return numbers


async def ticks(n):
    # Not by the loop's clock: uvloop's stands still between two turns, and counts whole milliseconds.
    deadline, off = time.monotonic(), []
    for _ in range(n):
        deadline = max(deadline + 0.001, time.monotonic())
        await asyncio.sleep(deadline - time.monotonic())
        # uvloop rounds to whole milliseconds, and may be early by half of one.
        off.append(abs(time.monotonic() - deadline))
    return off


async def light_load(ctx):
    n, loop = max(ctx.times(10_000), 20), asyncio.get_running_loop()
    before, start = time.process_time(), loop.time()
    for i in range(1, n + 1):
        busy_for(10e-6)
        await asyncio.sleep(start + i * 0.001 - loop.time())
    return [100 * (time.process_time() - before) / (loop.time() - start)]


ROWS = {
    "mutex_uncontended": lambda ctx: ctx.per_op(4_000_000, mutex_uncontended),
    "mutex_10_tasks": lambda ctx: ctx.per_op(1_000_000, lambda n: mutex_ten_tasks(n, False)),
    "mutex_10_tasks_yield": lambda ctx: ctx.per_op(200_000, lambda n: mutex_ten_tasks(n, True)),
    "semaphore_uncontended": lambda ctx: ctx.per_op(4_000_000, semaphore_uncontended),
    "semaphore_3_100_tasks": lambda ctx: ctx.per_op(300_000, semaphore_tasks),
    "pingpong_mpsc": lambda ctx: ctx.per_op(200_000, pingpong_queues),
    "oneshot": lambda ctx: ctx.per_op(2_000_000, oneshot),
    "mpsc_1000_1to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 1000, 1, 1)),
    "mpsc_1000_4to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 1000, 4, 1)),
    "mpsc_1_1to1": lambda ctx: ctx.per_op(300_000, lambda n: transfer(n, 1, 1, 1)),
    "mpsc_unbounded_1to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 0, 1, 1)),
    "mpsc_unbounded_4to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 0, 4, 1)),
    "mpmc_100_4to4": lambda ctx: ctx.per_op(500_000, lambda n: transfer(n, 100, 4, 4)),
    "mpmc_unbounded_1to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 0, 1, 1)),
    "queue_1000_1to1": lambda ctx: ctx.per_op(1_000_000, lambda n: transfer(n, 1000, 1, 1)),
    "sleep_100k": sleep_many,
    "timer_create_drop": lambda ctx: ctx.per_op(500_000, timer_create_drop),
    "timeout_ready": lambda ctx: ctx.per_op(3_000_000, timeout_ready),
    "timeout_scope": lambda ctx: ctx.per_op(1_000_000, timeout_ready),
    "timeout_pending": lambda ctx: ctx.per_op(300_000, timeout_pending),
    "timeout_pending_mt100": lambda ctx: ctx.per_op(600_000, timeout_pending_tasks),
    "sleep_late": sleep_late,
    "tick_1ms": tick,
    "idle_empty": idle_empty,
    "fair_tick": lambda ctx: under_each_load(ctx, ticks),
    "light_load": light_load,
}
