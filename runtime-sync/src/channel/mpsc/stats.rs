//! What a channel looks like at this moment.

use super::entrance::{Entrance, UNBOUNDED};

/// A look at a channel, taken without disturbing anybody.
///
/// The numbers are read one after the other, so that they may not fit together exactly while
/// others send and receive.
///
/// # Examples
///
/// ```
/// use filch::sync::mpsc;
///
/// let (send, _receive) = mpsc::channel(8);
/// send.try_send('a').unwrap();
/// let stats = send.stats();
/// assert_eq!((stats.len, stats.capacity, stats.senders), (1, Some(8), 1));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MpscStats {
    /// How many messages are queued.
    pub len: usize,
    /// How many may be queued; `None` if there is no limit.
    pub capacity: Option<usize>,
    /// How many permits are out.
    pub reserved: usize,
    /// How many senders wait for room.
    pub waiting_senders: usize,
    /// How many senders keep the channel open.
    pub senders: usize,
    /// How many senders do not.
    pub weak_senders: usize,
    /// Whether nothing can be sent any more, except with permits that are out.
    pub is_closed: bool,
}

impl Entrance {
    pub(super) fn stats(&self) -> MpscStats {
        let head = self.position();
        let word = self.gate().load();
        MpscStats {
            len: word.len(head) as usize,
            capacity: (self.limit() != UNBOUNDED).then_some(self.limit() as usize),
            reserved: word.permits(),
            waiting_senders: if word.has_waiters() { self.line.lock().len() } else { 0 },
            senders: self.strong_count(),
            weak_senders: self.weak_count(),
            is_closed: word.is_closed(),
        }
    }
}
