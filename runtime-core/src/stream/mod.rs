//! Streams: values that come one by one, from a task, a channel or a clock.
//!
//! | to | use |
//! |---|---|
//! | write what gives the values as an async block | [`from_task`] |
//! | hand a channel or an [`Interval`](crate::time::Interval) to what wants a stream | [`wrappers`] |
//! | have many futures' outputs as they come | [`as_completed`](crate::many::as_completed) |
//!
//! All are streams of the crate futures-core. The methods that make one stream of another lie in
//! `StreamExt` of futures-util, which goes along with them.

mod from_task;
mod generator;
pub mod wrappers;

pub use from_task::{FromTask, from_task};
pub use futures_core::Stream;
