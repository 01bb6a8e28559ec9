//! Attempts that a signal broke off: they are made again, as std does it.

use std::io;

/// What an attempt came to, or `None` if a signal broke it off: then it is to be made again.
///
/// For operations that go on until all is done. A single read or write tells its caller.
#[inline]
pub(crate) fn unless_interrupted<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}
