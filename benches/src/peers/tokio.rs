//! tokio, in both flavours.

super::tokio_shaped::tokio_shaped!(::tokio);

/// tokio's work-stealing runtime.
pub(crate) type Tokio = Shaped<true>;
/// tokio on one thread: the one that waits in `block_on`.
pub(crate) type TokioCt = Shaped<false>;
