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
use runtime_core::time::{Sleep, sleep};
use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{AtomicBool, Ordering};
use socket2::SockAddr;

use crate::socket::Socket;

/// Fifty failures a second are few, and nobody minds a connection that waits for this long.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a pause is due.
#[derive(Default)]
pub(crate) struct Rest {
    due: AtomicBool,
    /// The pause of `poll`, between its calls.
    pause: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Rest {
    /// Takes a connection that waits, and notes how that went. One that was broken off is passed
    /// over.
    pub(crate) fn take(&self, listener: &Socket) -> io::Result<(Socket, SockAddr)> {
        loop {
            match listener.accept() {
                Err(error) if crate::os::is_broken_off(&error) => {}
                Err(error) if crate::os::is_exhausted(&error) => {
                    self.due.swap(true, Ordering::Relaxed);
                    return Err(error);
                }
                outcome => return outcome,
            }
        }
    }

    /// Pauses if that is due. Any number of tasks may do so.
    pub(crate) async fn pause(&self) {
        if self.is_due() {
            sleep(PAUSE).await;
            self.due.swap(false, Ordering::Relaxed);
        }
    }

    /// Pauses if that is due; for one task at a time.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_due() {
            return Poll::Ready(());
        }
        let kept = self.pause.lock().take();
        let mut pause = kept.unwrap_or_else(|| Box::pin(sleep(PAUSE)));
        let Poll::Ready(()) = pause.as_mut().poll(cx) else {
            let other = self.pause.lock().replace(pause);
            drop(other);
            return Poll::Pending;
        };
        self.due.swap(false, Ordering::Relaxed);
        Poll::Ready(())
    }

    /// Without a runtime on this thread there is no timer, and no pause either.
    fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed) && context::timer_home().is_some()
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("due", &self.due).finish_non_exhaustive()
    }
}
