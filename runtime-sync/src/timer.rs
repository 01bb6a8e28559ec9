//! A sleep for a floor that knows no clock: a runtime above brings one along.
//!
//! The few functions of this crate that take a time to wait, such as
//! [`Sender::send_timeout`](crate::channel::mpsc::Sender::send_timeout), find it here.

use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

/// A future that is ready when some time has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

static SLEEP: OnceLock<fn(Duration) -> Sleep> = OnceLock::new();

/// Says how to sleep. The first one to say so is believed; filch does when a runtime is built.
pub fn provide(sleep: fn(Duration) -> Sleep) {
    // A second runtime says the same.
    let _ = SLEEP.set(sleep);
}

/// Sleeps for `duration` by the clock of the runtime that this thread is in.
///
/// # Panics
///
/// Panics if no runtime has [provided](provide) a timer, or as that timer does outside of its
/// runtime.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    match SLEEP.get() {
        Some(sleep) => sleep(duration),
        None => panic!("there is no timer: waiting for a limited time needs a filch runtime"),
    }
}
