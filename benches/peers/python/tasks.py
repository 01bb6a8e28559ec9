"""Starting tasks, joining them, going from one to the next."""

import asyncio
import time


async def answer(number):
    return number


async def spawn_join(n):
    for i in range(n):
        assert await asyncio.create_task(answer(i)) == i


async def spawn_join_now(n):
    for i in range(n):
        task = asyncio.create_task(answer(i))
        await asyncio.sleep(0)
        assert await task == i


async def spawn_join_batch(n):
    for _ in range(-(-n // 100)):
        for i, task in enumerate([asyncio.create_task(answer(i)) for i in range(100)]):
            assert await task == i


class Latch:
    """Opens once as many have arrived as it was made for, and tells when that was."""

    def __init__(self, missing):
        self.missing = missing
        self.open = asyncio.get_running_loop().create_future()

    def arrive(self):
        self.missing -= 1
        if self.missing == 0:
            self.open.set_result(time.perf_counter_ns())


async def spawn_detach(n):
    latch = Latch(n)

    async def child():
        latch.arrive()

    kept = {asyncio.create_task(child()) for _ in range(n)}
    await latch.open
    del kept


async def group(n):
    for _ in range(-(-n // 1000)):
        async with asyncio.TaskGroup() as children:
            for i in range(1000):
                children.create_task(answer(i))


async def gather(n, many):
    async def waits_once(number):
        await asyncio.sleep(0)
        return number

    for _ in range(-(-n // many)):
        outputs = await asyncio.gather(*[waits_once(i) for i in range(many)])
        assert outputs == list(range(many))


async def cancel_many(ctx):
    tasks = ctx.crowd(100_000)
    asleep, gone = Latch(tasks), Latch(tasks)

    async def sleeper():
        try:
            asleep.arrive()
            await asyncio.sleep(3600)
        finally:
            gone.arrive()

    sleepers = [asyncio.create_task(sleeper()) for _ in range(tasks)]
    await asleep.open
    start = time.perf_counter_ns()
    for task in sleepers:
        task.cancel()
    return [(await gone.open - start) / tasks]


async def yields(tasks, each):
    is_open = False
    here, done = Latch(tasks), Latch(tasks)

    async def task():
        here.arrive()
        while not is_open:
            await asyncio.sleep(0)
        for _ in range(each):
            await asyncio.sleep(0)
        done.arrive()

    kept = [asyncio.create_task(task()) for _ in range(tasks)]
    await here.open
    start = time.perf_counter_ns()
    is_open = True
    end = await done.open
    del kept
    return [(end - start) / (tasks * each)]


async def pingpong_futures(n, pairs):
    loop = asyncio.get_running_loop()

    async def ping(serve, trips):
        other = serve
        for _ in range(trips):
            returned = loop.create_future()
            other.set_result(returned)
            other = await returned
        other.set_result(None)

    async def pong(served):
        other = await served
        while other is not None:
            back = loop.create_future()
            other.set_result(back)
            other = await back

    trips, players = -(-n // pairs), []
    for _ in range(pairs):
        serve = loop.create_future()
        players += [asyncio.create_task(ping(serve, trips)), asyncio.create_task(pong(serve))]
    for player in players:
        await player


async def chained_spawn(n):
    loop = asyncio.get_running_loop()
    kept = [None]

    async def link(left, last):
        if left == 1:
            last.set_result(None)
        else:
            kept[0] = asyncio.create_task(link(left - 1, last))

    for _ in range(-(-n // 1000)):
        last = loop.create_future()
        kept[0] = asyncio.create_task(link(1000, last))
        await last


async def fanout_fanin(n):
    for _ in range(-(-n // 1000)):
        answers = asyncio.Queue()

        async def child(number):
            answers.put_nowait(number)

        kept = [asyncio.create_task(child(i)) for i in range(1000)]
        assert sum([await answers.get() for _ in range(1000)]) == 999 * 1000 // 2
        del kept


async def skynet(ctx):
    leaves = ctx.crowd(100_000)

    async def node(first, leaves):
        if leaves == 1:
            return first
        each = leaves // 10
        children = [asyncio.create_task(node(first + i * each, each)) for i in range(10)]
        return sum([await child for child in children])

    await node(0, max(leaves // 100, 1))
    start = time.perf_counter_ns()
    assert await node(0, leaves) == leaves * (leaves - 1) // 2
    return [(time.perf_counter_ns() - start) / leaves]


ROWS = {
    "spawn_join": lambda ctx: ctx.per_op(200_000, spawn_join),
    "spawn_join_now": lambda ctx: ctx.per_op(200_000, spawn_join_now),
    "spawn_join_batch100": lambda ctx: ctx.per_op(300_000, spawn_join_batch),
    "spawn_detach": lambda ctx: ctx.per_op(200_000, spawn_detach),
    "group_1000": lambda ctx: ctx.per_op(300_000, group),
    "gather_10k": lambda ctx: ctx.per_op(300_000, lambda n: gather(n, ctx.crowd(10_000))),
    "cancel_100k": cancel_many,
    "yield_1_task": lambda ctx: yields(1, ctx.times(500_000)),
    "yield_2_tasks": lambda ctx: yields(2, ctx.times(400_000)),
    "yield_1k_tasks": lambda ctx: yields(1000, ctx.times(2000)),
    "yield_100k_tasks": lambda ctx: yields(ctx.crowd(100_000), max(ctx.times(20), 2)),
    "pingpong_oneshot": lambda ctx: ctx.per_op(200_000, lambda n: pingpong_futures(n, 1)),
    "pingpong_64pairs": lambda ctx: ctx.per_op(640_000, lambda n: pingpong_futures(n, 64)),
    "chained_spawn": lambda ctx: ctx.per_op(300_000, chained_spawn),
    "fanout_fanin": lambda ctx: ctx.per_op(200_000, fanout_fanin),
    "skynet": skynet,
}
