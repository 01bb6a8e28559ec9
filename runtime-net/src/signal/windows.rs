//! Events of the console: Ctrl-C and others.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::kind::SignalKind;
use super::listener::Listener;
use super::mark::Later;

/// Writes a listener for one kind of event.
macro_rules! events {
    ($(
        $(#[$fn_doc:meta])*
        fn $function:ident() -> $(#[$doc:meta])* $name:ident = $kind:ident;
    )*) => {$(
        $(#[$fn_doc])*
        ///
        /// Any number of listeners hear the same event, which no longer ends the process from then on.
        /// Events that come faster than they are received become one.
        ///
        /// # Errors
        ///
        /// Those of the system.
        ///
        /// # Panics
        ///
        /// There is no runtime on this thread.
        ///
        /// # Examples
        ///
        /// ```no_run
        /// # #[filch::main]
        /// # async fn main() -> std::io::Result<()> {
        #[doc = concat!("let mut events = filch::signal::windows::", stringify!($function), "()?;")]
        /// while events.recv().await.is_some() {
        ///     println!("heard");
        /// }
        /// # Ok(())
        /// # }
        /// ```
        #[track_caller]
        pub fn $function() -> io::Result<$name> {
            Ok($name { listener: Listener::new([SignalKind::$kind()], Later::AreHeard)? })
        }

        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "an event is heard by who receives it"]
        pub struct $name {
            listener: Listener,
        }

        impl $name {
            /// Waits for the event.
            ///
            /// # Cancel safety
            ///
            /// Cancel safe: an event that comes after it was dropped is received by the next call.
            pub async fn recv(&mut self) -> Option<()> {
                poll_fn(|cx| self.poll_recv(cx)).await
            }

            /// As `recv`, for futures written by hand. The last task that asked is woken.
            pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
                self.listener.poll_recv(cx).map(|kind| kind.map(drop))
            }
        }

        impl Stream for $name {
            type Item = ();

            fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
                self.poll_recv(cx)
            }
        }
    )*};
}

events! {
    /// Begins to listen to Ctrl-C. tokio's `ctrl_c`.
    fn ctrl_c() ->
        /// Listens to Ctrl-C; see [`ctrl_c`].
        CtrlC = interrupt;
    /// Begins to listen to Ctrl-Break. tokio's `ctrl_break`.
    fn ctrl_break() ->
        /// Listens to Ctrl-Break; see [`ctrl_break`].
        CtrlBreak = quit;
    /// Begins to listen to the end of the console, whose window is closed. The process is ended by the
    /// system some seconds later. tokio's `ctrl_close`.
    fn ctrl_close() ->
        /// Listens to the end of the console; see [`ctrl_close`].
        CtrlClose = terminate;
    /// Begins to listen to logoffs, of which only services hear. The process is ended by the system some
    /// seconds later. tokio's `ctrl_logoff`.
    fn ctrl_logoff() ->
        /// Listens to logoffs; see [`ctrl_logoff`].
        CtrlLogoff = hangup;
    /// Begins to listen to the shutdown of the system, of which only services hear, and what runs in a
    /// container that is stopped. The process is ended by the system some seconds later. tokio's
    /// `ctrl_shutdown`.
    fn ctrl_shutdown() ->
        /// Listens to the shutdown of the system; see [`ctrl_shutdown`].
        CtrlShutdown = shutdown;
}
