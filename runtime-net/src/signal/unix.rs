//! `Signal` and `Signals`: listening to one kind of signal, and to several.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

pub use super::kind::SignalKind;
use super::listener::Listener;
use super::mark::Later;

/// Begins to listen to a kind of signal. It no longer has its default action, for as long as the
/// process lives: if nobody listens any more, it is ignored.
///
/// Any number of listeners hear the same signal, on any number of runtimes. Signals that come
/// faster than they are received become one. tokio's `signal`.
///
/// # Errors
///
/// `InvalidInput` if it is a signal that no program can listen to (SIGKILL, SIGSTOP, SIGILL,
/// SIGFPE, SIGSEGV), and those of the system: most likely there are no descriptors left, of which a
/// listener has two.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// use filch::signal::unix::{SignalKind, signal};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut hangups = signal(SignalKind::hangup())?;
/// while hangups.recv().await.is_some() {
///     println!("reading the configuration again");
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    Ok(Signal { listener: Listener::new([kind], Later::AreHeard)? })
}

/// Listens to one kind of signal; see [`signal`].
#[derive(Debug)]
#[must_use = "a signal is heard by who receives it"]
pub struct Signal {
    listener: Listener,
}

impl Signal {
    /// Waits for the signal. `None` when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a signal that comes after it was dropped is received by the next call.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::signal::unix::{SignalKind, signal};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut signals = signal(SignalKind::user_defined1())?;
    /// let me = std::process::id().to_string();
    /// let kill = std::process::Command::new("kill").args(["-USR1", &me]).status()?;
    /// assert!(kill.success());
    /// assert_eq!(signals.recv().await, Some(()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Signal::recv), for futures written by hand. The last task that asked is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.listener.poll_recv(cx).map(|kind| kind.map(drop))
    }
}

impl Stream for Signal {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_recv(cx)
    }
}

/// Begins to listen to several kinds of signals at once; see [`signal`] for what that means. A kind that is
/// named twice is listened to once.
///
/// trio's `open_signal_receiver`.
///
/// # Errors
///
/// Those of [`signal`], and `InvalidInput` if there are no kinds at all.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// use filch::signal::unix::{SignalKind, signals};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut ends = signals([SignalKind::interrupt(), SignalKind::terminate()])?;
/// let end = ends.recv().await;
/// println!("ended by {end:?}");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn signals(kinds: impl IntoIterator<Item = SignalKind>) -> io::Result<Signals> {
    Ok(Signals { listener: Listener::new(kinds, Later::AreHeard)? })
}

/// Listens to several kinds of signals; see [`signals`].
#[derive(Debug)]
#[must_use = "a signal is heard by who receives it"]
pub struct Signals {
    listener: Listener,
}

impl Signals {
    /// Waits for a signal and says which. `None` when the runtime has shut down.
    ///
    /// Of several that are pending each has its turn.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a signal that comes after it was dropped is received by the next call.
    pub async fn recv(&mut self) -> Option<SignalKind> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Signals::recv), for futures written by hand. The last task that asked is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<SignalKind>> {
        self.listener.poll_recv(cx)
    }
}

impl Stream for Signals {
    type Item = SignalKind;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SignalKind>> {
        self.poll_recv(cx)
    }
}
