//! A pause for a listener that cannot take the connections that wait.
//!
//! When the process has no descriptor left, a connection stays where it is and `accept` fails at
//! once, again and again. Most servers log the error and go on with their loop, which would then
//! keep a core busy for as long as this lasts. So the error goes to the caller, and the next
//! `accept` begins with a pause.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_core::runtime::context;
use runtime_core::time::{Instant, Sleep, sleep_until};
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{AtomicBool, Ordering};
use socket2::SockAddr;

use crate::socket::Socket;

/// Fifty failures a second are few, and nobody minds a connection that waits for this long.
const PAUSE: Duration = Duration::from_millis(20);

/// Until when no connection is taken.
#[derive(Default)]
pub(crate) struct Rest {
    /// Whether there is a pause that nobody has seen the end of: else `until` is not looked at.
    due: AtomicBool,
    until: Mutex<Option<Instant>>,
    /// The sleep of `poll`, between its calls.
    sleep: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Rest {
    /// Takes a connection that waits, and notes how that went. One that was broken off is passed
    /// over.
    pub(crate) fn take(&self, listener: &Socket) -> io::Result<(Socket, SockAddr)> {
        loop {
            match listener.accept() {
                Err(error) if crate::os::is_broken_off(&error) => {}
                Err(error) if crate::os::is_exhausted(&error) => {
                    self.begin();
                    return Err(error);
                }
                outcome => return outcome,
            }
        }
    }

    fn begin(&self) {
        let mut until = self.until.lock();
        *until = Some(Instant::now() + PAUSE);
        self.due.swap(true, Ordering::Relaxed);
    }

    /// Pauses if that is due. Any number of tasks may do so.
    pub(crate) async fn pause(&self) {
        if let Some(until) = self.until() {
            sleep_until(until).await;
        }
    }

    /// Pauses if that is due; for one task at a time.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until() else { return Poll::Ready(()) };
        let kept = self.sleep.lock().take();
        let mut sleep = kept.unwrap_or_else(|| Box::pin(sleep_until(until)));
        // It may be that of an earlier pause, whose end another task has seen.
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        let outcome = sleep.as_mut().poll(cx);
        if outcome.is_pending() {
            let other = self.sleep.lock().replace(sleep);
            drop(other);
        }
        outcome
    }

    /// The end of the pause, if there is one and it has not come. Without a runtime on this thread there
    /// is no timer, and no pause either.
    fn until(&self) -> Option<Instant> {
        if !self.due.load(Ordering::Relaxed) || context::timer_home().is_none() {
            return None;
        }
        let mut until = self.until.lock();
        *until = until.filter(|until| *until > Instant::now());
        // Under the lock, so that no new pause goes unseen.
        self.due.swap(until.is_some(), Ordering::Relaxed);
        *until
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("due", &self.due).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
