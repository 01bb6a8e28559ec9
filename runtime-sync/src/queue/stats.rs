//! What a queue looks like at this moment.

/// What goes on in a queue at some moment; see [`AnyQueue::stats`](super::AnyQueue::stats).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueStats {
    /// Items in the queue.
    pub len: usize,
    /// Items that were put in and are not done.
    pub unfinished: usize,
    /// Gets that wait.
    pub getters: usize,
    /// Puts that wait.
    pub putters: usize,
    /// Whether it is shut down.
    pub shut_down: bool,
}
