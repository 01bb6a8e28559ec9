//! A semaphore that cannot have more permits than it began with.
