//! asyncio's queues: first in first out, last in first out, smallest first.
