"""How rows are measured."""

import os
import time


class Ctx:
    """What all rows share."""

    def __init__(self, scale):
        self.scale = scale

    def times(self, full):
        """How often to do what a full run of the others does `full` times."""
        return max(int(full / 10 * self.scale), 1)

    def crowd(self, full):
        """How many tasks a row has that is about their number."""
        return -(-full // 100) if self.scale < 0.01 else full

    async def per_op(self, full, body):
        """Nanoseconds per operation of `body(n)`, after a tenth for warming up."""
        n = self.times(full)
        await body(n // 10 + 1)
        start = time.perf_counter_ns()
        await body(n)
        return [(time.perf_counter_ns() - start) / n]


def percentile(numbers, q):
    """The `q` percentile (0 to 1) by rank."""
    numbers = sorted(numbers)
    return numbers[min(int(len(numbers) * q), len(numbers) - 1)]


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def busy_for(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
