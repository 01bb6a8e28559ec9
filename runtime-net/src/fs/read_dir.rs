//! `ReadDir`: what is in a directory, some entries per job.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_core::task::JoinHandle;
use runtime_sync::budget;
use runtime_sync::primitives::Mutex;

use super::{DirEntry, on_pool};
use crate::pool::on_thread;

/// How many entries a job reads ahead.
const AHEAD: usize = 32;

/// Lists a directory. The entries come in no particular order, without `.` and `..`.
///
/// tokio's `read_dir`.
///
/// # Errors
///
/// Those of [`std::fs::read_dir`].
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut entries = filch::fs::read_dir("/").await?;
/// let mut names = Vec::new();
/// while let Some(entry) = entries.next_entry().await? {
///     names.push(entry.file_name());
/// }
/// assert!(names.contains(&"etc".into()));
/// # Ok(())
/// # }
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    let first =
        on_pool(move || Ok(read_on(Arc::new(Mutex::new(std::fs::read_dir(path)?))))).await?;
    Ok(ReadDir { state: State::Idle(first) })
}

/// The entries of a directory; see [`read_dir`].
#[derive(Debug)]
#[must_use = "entries are read one by one"]
pub struct ReadDir {
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Chunk),
    Busy(JoinHandle<Chunk>),
    /// The job was cancelled, because the runtime shuts down.
    Lost,
}

/// Some entries, and where there are more of them.
#[derive(Debug)]
struct Chunk {
    entries: VecDeque<io::Result<DirEntry>>,
    rest: Option<Rest>,
}

/// A job that finds no thread leaves it where it was. Locked by one job at a time.
type Rest = Arc<Mutex<std::fs::ReadDir>>;

/// Reads the next entries. An error is passed on in its place; reading goes on behind it.
fn read_on(rest: Rest) -> Chunk {
    let mut entries = VecDeque::with_capacity(AHEAD);
    let mut directory = rest.lock();
    while entries.len() < AHEAD {
        match directory.next() {
            Some(entry) => entries.push_back(entry.map(DirEntry::new)),
            None => return Chunk { entries, rest: None },
        }
    }
    drop(directory);
    Chunk { entries, rest: Some(rest) }
}

impl ReadDir {
    /// The next entry, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no entry is lost.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// As [`next_entry`](ReadDir::next_entry), for futures written by hand. The last task that asked
    /// is woken.
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        let turn = ready!(budget::poll_proceed(cx));
        loop {
            let chunk = match &mut self.state {
                State::Idle(chunk) => chunk,
                State::Busy(job) => match ready!(Pin::new(job).poll(cx)) {
                    Ok(chunk) => {
                        self.state = State::Idle(chunk);
                        continue;
                    }
                    Err(error) => {
                        self.state = State::Lost;
                        return Poll::Ready(Err(error.into()));
                    }
                },
                State::Lost => return Poll::Ready(Ok(None)),
            };
            if let Some(entry) = chunk.entries.pop_front() {
                turn.made_progress();
                return Poll::Ready(entry.map(Some));
            }
            let Some(rest) = chunk.rest.clone() else {
                turn.made_progress();
                return Poll::Ready(Ok(None));
            };
            self.state = State::Busy(on_thread(|| read_on(rest))?);
        }
    }
}
