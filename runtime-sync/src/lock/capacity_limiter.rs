//! A semaphore that knows who holds its tokens, and whose size may change.
