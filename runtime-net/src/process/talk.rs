//! Feeding a child and reading what it says, all at once, so that no full pipe stops either side.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use super::{ChildStderr, ChildStdin, ChildStdout};
use crate::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// Writes `input`, closes the pipe, and reads the other two up to their ends.
pub(super) async fn all(
    stdin: Option<ChildStdin>,
    input: &[u8],
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut fed = pin!(feed(stdin, input));
    let mut out = pin!(read(stdout));
    let mut err = pin!(read(stderr));
    let (mut feeding, mut said, mut complained) = (true, None, None);
    poll_fn(|cx| {
        if feeding && let Poll::Ready(outcome) = fed.as_mut().poll(cx) {
            feeding = false;
            outcome?;
        }
        if said.is_none()
            && let Poll::Ready(outcome) = out.as_mut().poll(cx)
        {
            said = Some(outcome?);
        }
        if complained.is_none()
            && let Poll::Ready(outcome) = err.as_mut().poll(cx)
        {
            complained = Some(outcome?);
        }
        // A child that has closed its outputs may still read, and is fed to the end.
        if feeding || said.is_none() || complained.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(Ok((said.take().unwrap_or_default(), complained.take().unwrap_or_default())))
    })
    .await
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> io::Result<()> {
    let Some(mut stdin) = stdin else { return Ok(()) };
    match stdin.write_all(input).await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
