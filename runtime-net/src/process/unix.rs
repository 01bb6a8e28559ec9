//! What Unix systems know of children: signals, users, groups, and descriptors of pipes.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;

use super::child::Life;
use super::running::Running;
use super::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use crate::signal::kill::kill;
use crate::signal::unix::SignalKind;

/// On Unix.
impl Command {
    /// The name by which the program is told that it was called.
    pub fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg0(arg);
        self
    }

    /// The user that the child runs as.
    pub fn uid(&mut self, id: u32) -> &mut Command {
        self.std.uid(id);
        self
    }

    /// The group that the child runs as.
    pub fn gid(&mut self, id: u32) -> &mut Command {
        self.std.gid(id);
        self
    }

    /// The process group that the child belongs to; 0 is one of its own. Ctrl-C reaches the group
    /// of the terminal only.
    pub fn process_group(&mut self, group: i32) -> &mut Command {
        self.std.process_group(group);
        self
    }
}

/// A command that has the shell run `line`.
pub(super) fn shell(line: &OsStr) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

impl Child {
    /// On Unix: sends a signal to the child. That it ends is not said: it may have a handler.
    ///
    /// A child that has ended and has not been reaped yet takes it silently. asyncio's
    /// `send_signal`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it has been reaped, or if there is no such signal.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::process::Command;
    /// use filch::signal::unix::SignalKind;
    /// use std::os::unix::process::ExitStatusExt;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = Command::new("sleep").arg("1000").spawn()?;
    /// let signal = SignalKind::user_defined1();
    /// child.send_signal(signal)?;
    /// assert_eq!(child.wait().await?.signal(), Some(signal.as_raw_value()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_signal(&self, signal: SignalKind) -> io::Result<()> {
        match &self.life {
            Life::Running(running) => running.send_signal(signal),
            Life::Ended(_) => {
                let message = "cannot send a signal to a child that has ended";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    /// Asks the child to end (SIGTERM). asyncio's `terminate`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it has been reaped.
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(SignalKind::terminate())
    }
}

impl Running {
    /// Its number is its own until it is reaped, and only `&mut self` reaps: the signal can reach
    /// nobody else.
    pub(super) fn send_signal(&self, signal: SignalKind) -> io::Result<()> {
        kill(self.id(), signal)
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.send_signal(SignalKind::from_raw(libc::SIGKILL))
    }
}

/// Descriptors of the ends of pipes.
macro_rules! descriptor {
    ($($name:ident)*) => {$(
        /// On Unix.
        impl $name {
            /// Gives the descriptor away. It blocks from then on.
            ///
            /// # Errors
            ///
            /// Those of the system.
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                self.pipe.into_blocking()
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.as_raw_fd()
            }
        }
    )*};
}

descriptor!(ChildStdin ChildStdout ChildStderr);
