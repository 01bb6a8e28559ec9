//! filch, in both flavours.

super::tokio_shaped::tokio_shaped!(::filch);

/// filch's work-stealing runtime.
pub(crate) type Filch = Shaped<true>;
/// filch on one thread: the one that waits in `block_on`.
pub(crate) type FilchCt = Shaped<false>;
