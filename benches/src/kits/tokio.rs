//! tokio's locks and channels.

/// The marker of this kit.
pub(crate) struct Tokio;

super::tokio_shaped::tokio_shaped!(Tokio, ::tokio);
