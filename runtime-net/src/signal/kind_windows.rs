//! `SignalKind` on Windows: which event of the console.

use std::ffi::c_int;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
};

/// Which event of the console, by the number of the signal that C's library makes of it, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// Ctrl-C.
    pub const fn interrupt() -> SignalKind {
        SignalKind(2)
    }

    /// The window of the console is closed, which is as near as Windows comes to SIGTERM.
    pub const fn terminate() -> SignalKind {
        SignalKind(15)
    }

    /// Ctrl-Break, which is as near as Windows comes to SIGQUIT.
    pub const fn quit() -> SignalKind {
        SignalKind(21)
    }

    /// The user logs off, which is as near as Windows comes to SIGHUP.
    pub const fn hangup() -> SignalKind {
        SignalKind(1)
    }

    /// The system shuts down.
    pub(super) const fn shutdown() -> SignalKind {
        SignalKind(32)
    }

    /// What the console calls `event`.
    pub(super) fn of_event(event: u32) -> Option<SignalKind> {
        match event {
            CTRL_C_EVENT => Some(SignalKind::interrupt()),
            CTRL_BREAK_EVENT => Some(SignalKind::quit()),
            CTRL_CLOSE_EVENT => Some(SignalKind::terminate()),
            CTRL_LOGOFF_EVENT => Some(SignalKind::hangup()),
            CTRL_SHUTDOWN_EVENT => Some(SignalKind::shutdown()),
            _ => None,
        }
    }

    /// Whether the process ends as soon as the event has been handled.
    pub(super) fn is_final(self) -> bool {
        [SignalKind::terminate(), SignalKind::hangup(), SignalKind::shutdown()].contains(&self)
    }

    pub(crate) const fn from_raw(number: c_int) -> SignalKind {
        SignalKind(number)
    }

    pub(crate) const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// What a reason to end calls it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            kind if kind == SignalKind::interrupt() => Some("Ctrl-C"),
            kind if kind == SignalKind::terminate() => Some("the console was closed"),
            kind if kind == SignalKind::quit() => Some("Ctrl-Break"),
            kind if kind == SignalKind::hangup() => Some("the user has logged off"),
            _ => None,
        }
    }
}
