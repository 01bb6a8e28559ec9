//! What Windows knows of children: their command line as it is, flags, and handles of pipes.

use std::ffi::OsStr;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle};
use std::os::windows::process::CommandExt as _;

use super::child::Life;
use super::running::Running;
use super::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

/// On Windows.
impl Command {
    /// Adds to the command line what is to stand there as it is, without quotes.
    pub fn raw_arg<S: AsRef<OsStr>>(&mut self, text: S) -> &mut Command {
        self.std.raw_arg(text);
        self
    }

    /// Flags for `CreateProcess`: a console of its own, a group of its own, and others.
    pub fn creation_flags(&mut self, flags: u32) -> &mut Command {
        self.std.creation_flags(flags);
        self
    }
}

/// A command that has the shell run `line`, which it gets as it is.
pub(super) fn shell(line: &OsStr) -> Command {
    let shell = std::env::var_os("COMSPEC").unwrap_or_else(|| "cmd.exe".into());
    let mut command = Command::new(shell);
    command.raw_arg("/c \"").raw_arg(line).raw_arg("\"");
    command
}

impl Child {
    /// Ends the child, as [`start_kill`](Child::start_kill) does: Windows knows no polite way. asyncio's
    /// `terminate`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it was found to have ended.
    pub fn terminate(&mut self) -> io::Result<()> {
        match &mut self.life {
            Life::Running(running) => running.kill(),
            Life::Ended(_) => {
                let message = "cannot terminate a child that has ended";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }

    /// On Windows: the handle of the process, until it was found to have ended.
    pub fn raw_handle(&self) -> Option<RawHandle> {
        match &self.life {
            Life::Running(running) => Some(running.child().as_raw_handle()),
            Life::Ended(_) => None,
        }
    }
}

impl Running {
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.both().0.kill()
    }
}

/// Handles of the ends of pipes.
macro_rules! handle {
    ($($name:ident)*) => {$(
        /// On Windows.
        impl $name {
            /// Gives the handle away.
            ///
            /// # Errors
            ///
            /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) while a read or a write is under way.
            pub fn into_owned_handle(self) -> io::Result<OwnedHandle> {
                self.pipe.into_blocking()
            }
        }

        impl AsHandle for $name {
            fn as_handle(&self) -> BorrowedHandle<'_> {
                self.pipe.as_handle()
            }
        }

        impl AsRawHandle for $name {
            fn as_raw_handle(&self) -> RawHandle {
                self.pipe.as_handle().as_raw_handle()
            }
        }
    )*};
}

handle!(ChildStdin ChildStdout ChildStderr);
