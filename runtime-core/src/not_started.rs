//! What the system says when it has no room for another thread or process, said so that one can do something.

use std::error::Error;
use std::fmt;
use std::io;

/// What could not be started, and why.
#[derive(Debug)]
struct NotStarted {
    what: String,
    error: io::Error,
}

/// `error`, which the system gave instead of starting `what`, of the same kind and as the cause of what is returned.
pub fn not_started(what: impl fmt::Display, error: io::Error) -> io::Error {
    let what = what.to_string();
    io::Error::new(error.kind(), NotStarted { what, error })
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start {}: {}", self.what, self.error)?;
        // The one name that Unix systems have for all limits of this kind.
        if self.error.kind() == io::ErrorKind::WouldBlock {
            f.write_str(
                "; most likely a limit is reached, of threads and processes (`ulimit -u`, `pids.max` of the \
                 container) or of memory (`ulimit -v`): raise it, or start fewer",
            )?;
        }
        Ok(())
    }
}

impl Error for NotStarted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
