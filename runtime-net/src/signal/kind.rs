//! `SignalKind`: which signal.

use std::ffi::c_int;

/// Which signal, by its number.
///
/// tokio's `SignalKind`.
///
/// # Examples
///
/// ```
/// use filch::signal::unix::SignalKind;
///
/// assert_eq!(SignalKind::interrupt().as_raw_value(), 2);
/// assert_eq!(SignalKind::from_raw(15), SignalKind::terminate());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(c_int);

/// One constructor per signal.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:path;)*) => {$(
        $(#[$doc])*
        pub const fn $name() -> SignalKind {
            SignalKind($number)
        }
    )*};
}

impl SignalKind {
    /// The signal with this number: for those that have no name here.
    ///
    /// Whether there is such a signal is found out when it is used.
    pub const fn from_raw(number: c_int) -> SignalKind {
        SignalKind(number)
    }

    /// Its number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    kinds! {
        /// SIGALRM: a timer of the system has run out. Kills by default.
        alarm = libc::SIGALRM;
        /// SIGCHLD: a child has ended or stopped. Ignored by default.
        child = libc::SIGCHLD;
        /// SIGHUP: the terminal is gone; daemons read their configuration again. Kills by default.
        hangup = libc::SIGHUP;
        /// SIGINT: Ctrl-C. Kills by default.
        interrupt = libc::SIGINT;
        /// SIGIO: a descriptor is ready. Kills by default on some systems.
        io = libc::SIGIO;
        /// SIGPIPE: a write to a pipe without a reader. Rust programs ignore it.
        pipe = libc::SIGPIPE;
        /// SIGQUIT: Ctrl-\. Kills, and leaves a memory image, by default.
        quit = libc::SIGQUIT;
        /// SIGTERM: a polite request to end, sent by `kill` and by containers. Kills by default.
        terminate = libc::SIGTERM;
        /// SIGUSR1: has the meaning that you give it. Kills by default.
        user_defined1 = libc::SIGUSR1;
        /// SIGUSR2: has the meaning that you give it. Kills by default.
        user_defined2 = libc::SIGUSR2;
        /// SIGWINCH: the terminal has another size. Ignored by default.
        window_change = libc::SIGWINCH;
    }

    /// What a reason to end calls it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self.0 {
            libc::SIGINT => Some("SIGINT"),
            libc::SIGTERM => Some("SIGTERM"),
            libc::SIGHUP => Some("SIGHUP"),
            libc::SIGQUIT => Some("SIGQUIT"),
            _ => None,
        }
    }

    /// Whether its default action is to end the process: for sure, and on every system.
    pub(crate) fn ends_by_default(self) -> bool {
        const ENDS: [c_int; 7] = [
            libc::SIGALRM,
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTERM,
            libc::SIGUSR1,
            libc::SIGUSR2,
        ];
        ENDS.contains(&self.0)
    }

    /// Whether a program may not listen to it: the two that cannot be caught, and those that tell
    /// of a fault of the very instruction that runs, which would only be run again.
    pub(crate) fn is_forbidden(self) -> bool {
        const FORBIDDEN: [c_int; 5] =
            [libc::SIGKILL, libc::SIGSTOP, libc::SIGILL, libc::SIGFPE, libc::SIGSEGV];
        self.0 <= 0 || FORBIDDEN.contains(&self.0)
    }
}

impl From<c_int> for SignalKind {
    fn from(number: c_int) -> SignalKind {
        SignalKind(number)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> c_int {
        kind.0
    }
}
