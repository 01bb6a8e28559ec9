//! Channels: one value, many values, to one or to all, for any executor.

pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
pub mod oneshot;
pub mod watch;
