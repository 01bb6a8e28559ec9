//! Signals: what the user, the system and other processes have to say to this one.
//!
//! ```text
//!   ctrl_c, unix::{signal, signals} ──▶ listener ──▶ handler     (runs in signal handlers)
//!   windows::{ctrl_c, ctrl_break, …} ──▶ ┘                        (called by the console)
//!   cancel (`#[filch::main(cancel_on = …)]`) ──▶ ┘
//! ```
//!
//! A listener hears what comes while it lives. Nothing is queued: signals of one kind that come
//! faster than they are received become one, as they do in the system itself.

mod cancel;
#[cfg(all(test, windows))]
mod console_tests;
#[cfg(unix)]
#[expect(unsafe_code, reason = "actions that run in signal handlers, and calls of the C library")]
mod handler;
#[cfg(windows)]
#[expect(unsafe_code, reason = "a call that has no safe binding")]
#[path = "handler_windows.rs"]
mod handler;
#[cfg(all(unix, feature = "process"))]
#[expect(unsafe_code, reason = "a call of the C library")]
pub(crate) mod kill;
#[cfg_attr(windows, path = "kind_windows.rs")]
mod kind;
#[cfg_attr(windows, path = "listener_windows.rs")]
mod listener;
mod mark;
#[cfg(unix)]
pub mod unix;
#[cfg(windows)]
pub mod windows;

#[doc(hidden)]
pub use cancel::{Canceller, cancelled_by};
#[doc(hidden)]
pub use kind::SignalKind;

use std::future::poll_fn;
use std::io;

use listener::Listener;
use mark::Later;

/// Waits for Ctrl-C, which no longer ends the process from then on: not even after this is done.
///
/// It listens while it is awaited; a Ctrl-C before the first poll ends the process, and one between
/// two calls is lost. Who must not miss any keeps a `unix::signal(SignalKind::interrupt())`, or a
/// `windows::ctrl_c()`. tokio's `ctrl_c`.
///
/// To have Ctrl-C cancel the whole program, see the option `cancel_on` of `#[filch::main]`.
///
/// # Errors
///
/// Those of the system, and `Other` when the runtime has shut down.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe; a Ctrl-C that comes after it was dropped is lost.
///
/// # Examples
///
/// ```no_run
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// filch::select! {
///     _ = serve() => {}
///     outcome = filch::signal::ctrl_c() => outcome?,
/// }
/// println!("good bye");
/// # Ok(())
/// # }
/// # async fn serve() {}
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    let mut listener = Listener::new([SignalKind::interrupt()], Later::AreHeard)?;
    match poll_fn(|cx| listener.poll_recv(cx)).await {
        Some(_) => Ok(()),
        None => Err(io::Error::other("the runtime of this task has shut down")),
    }
}
