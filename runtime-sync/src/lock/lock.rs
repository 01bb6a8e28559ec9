//! A lock that guards no data: asyncio's.
