//! Why a connection was lost: an error that may be told more than once.

use std::io;

/// What an `io::Error`, which cannot be cloned, was.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    kind: io::ErrorKind,
    code: Option<i32>,
    message: String,
}

impl From<&io::Error> for Loss {
    fn from(error: &io::Error) -> Loss {
        Loss { kind: error.kind(), code: error.raw_os_error(), message: error.to_string() }
    }
}

impl Loss {
    /// Whether the peer had said before that it would send no more: the system tells it so if it has.
    pub(super) fn is_broken_pipe(&self) -> bool {
        self.kind == io::ErrorKind::BrokenPipe
    }

    pub(super) fn error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.message.clone()),
        }
    }
}
