//! `File`: a file that is open.

use std::fmt;
use std::fs::{File as StdFile, FileTimes, Metadata, Permissions};
use std::future::poll_fn;
use std::io::{self, IoSlice, SeekFrom};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use runtime_sync::budget;
use runtime_sync::lock::{Semaphore, SemaphorePermit};
use runtime_sync::primitives::Mutex;

use super::cached::{self, Home};
use super::file_job::{BUFFER_MAX, FileJob, Outcome};
use super::{OpenOptions, at_once, check_runtime};
use crate::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// A file that is open, worked by the blocking pool.
///
/// A read costs one job, however small, unless it finds its bytes [in memory](crate::fs):
/// [`BufReader`](crate::io::BufReader) makes one of many. A write is taken over at once, at most
/// 2 MiB of it (see [`set_max_buf_size`](File::set_max_buf_size)), and goes on in the background:
/// how it ended is told by the next write, by [`flush`](crate::io::AsyncWriteExt::flush) and by
/// [`sync_all`](File::sync_all). Flush before you drop the file, or nobody hears of an error;
/// and if the runtime shuts down within a limit, a write that has not begun by then is not done.
///
/// tokio's `File`.
///
/// # Cancel safety
///
/// A read that is given up leaves what it has read to the next one. A seek that is given up may
/// have taken place.
///
/// # Examples
///
/// ```
/// use filch::fs::File;
/// use filch::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("filch-doc-file-{}", std::process::id()));
/// let mut file = File::options().read(true).write(true).create(true).open(&path).await?;
/// file.write_all(b"hello world").await?;
/// file.flush().await?;
///
/// file.seek(SeekFrom::Start(6)).await?;
/// let mut word = String::new();
/// file.read_to_string(&mut word).await?;
/// assert_eq!(word, "world");
/// # filch::fs::remove_file(&path).await?;
/// # Ok(())
/// # }
/// ```
pub struct File {
    pub(super) std: Arc<StdFile>,
    /// Whose turn it is among those who share the file. Who has it exclusively needs none.
    turns: Semaphore,
    /// Away while somebody's turn lasts.
    job: Mutex<Option<FileJob>>,
    max_buf_size: usize,
}

/// The right to do something with the file, until it is dropped.
struct Turn<'a> {
    slot: &'a Mutex<Option<FileJob>>,
    job: Option<FileJob>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let job = self.job.take();
        // What was there is nothing, which takes no time to drop under the lock.
        *self.slot.lock() = job;
    }
}

impl Deref for Turn<'_> {
    type Target = FileJob;

    fn deref(&self) -> &FileJob {
        self.job.as_ref().expect("it is here while the turn lasts")
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut FileJob {
        self.job.as_mut().expect("it is here while the turn lasts")
    }
}

impl File {
    /// Opens a file to read it.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        let open = |path| StdFile::open(path).map(|std| (cached::home(&std), std));
        at_once(path.as_ref(), cached::open, open).await.map(|(home, std)| File::at(home, std))
    }

    /// Opens a file to write it: made if it is missing, emptied if it is there.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::create`].
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        File::options().write(true).create(true).truncate(true).open(path).await
    }

    /// Makes a file, to read and write it.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, or others of [`std::fs::File::create_new`].
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(path).await
    }

    /// Other ways to open a file.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of std's.
    pub fn from_std(std: StdFile) -> File {
        File::at(Home::default(), std)
    }

    /// A file whose bytes are known to be there.
    pub(super) fn at(home: Home, std: StdFile) -> File {
        let std = Arc::new(std);
        let job = Mutex::new(Some(FileJob::new(std.clone(), home)));
        File { std, turns: Semaphore::new(1), job, max_buf_size: BUFFER_MAX }
    }

    /// Waits until all that was written is on the disk, with what the system knows about the file.
    ///
    /// # Errors
    ///
    /// Those of the system, and that of a write that nobody has heard of yet. tokio keeps the latter
    /// back for the next write, though nothing may come of what it says is on the disk.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.flushed(StdFile::sync_all).await
    }

    /// As [`sync_all`](File::sync_all), without what is not needed to read the bytes again.
    ///
    /// # Errors
    ///
    /// Those of [`sync_all`](File::sync_all).
    pub async fn sync_data(&self) -> io::Result<()> {
        self.flushed(StdFile::sync_data).await
    }

    async fn flushed(&self, sync: fn(&StdFile) -> io::Result<()>) -> io::Result<()> {
        let mut turn = self.settled().await?;
        turn.take_write_error()?;
        run(turn, sync).await
    }

    /// Cuts the file off, or has it go on with zeros. The cursor stays where it is.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::set_len`].
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        self.in_turn(move |std| std.set_len(size)).await
    }

    /// What the system knows about the file, once the writes before have been done.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::metadata`].
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let turn = self.settled().await?;
        if turn.is_near() {
            check_runtime();
            return self.std.metadata();
        }
        run(turn, StdFile::metadata).await
    }

    /// Changes the permissions of the file.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::set_permissions`].
    pub async fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.in_turn(move |std| std.set_permissions(permissions)).await
    }

    /// Changes when the file was last read and changed, as the system tells it. What `times` does not
    /// set stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::set_times`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::fs::{File, FileTimes};
    /// use std::time::SystemTime;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("filch-doc-times-{}", std::process::id()));
    /// let file = File::create(&path).await?;
    /// file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).await?;
    /// assert_eq!(file.metadata().await?.modified()?, SystemTime::UNIX_EPOCH);
    /// # filch::fs::remove_file(&path).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.in_turn(move |std| std.set_times(times)).await
    }

    /// Changes when the file was last changed, as the system tells it.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::set_modified`].
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.set_times(FileTimes::new().set_modified(time)).await
    }

    /// Another handle of the same open file: they have one cursor. Its
    /// [`max_buf_size`](File::max_buf_size) is that of this one.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::try_clone`].
    pub async fn try_clone(&self) -> io::Result<File> {
        let mut turn = self.settled().await?;
        turn.share();
        let std = run(turn, StdFile::try_clone).await?;
        Ok(File { max_buf_size: self.max_buf_size, ..File::at(Home::Far, std) })
    }

    /// Waits for what is under way, and gives the file away.
    ///
    /// The error of a write that nobody has heard of is lost: flush before.
    ///
    /// # Panics
    ///
    /// The runtime has shut down, and there is no descriptor left for a second handle.
    pub async fn into_std(mut self) -> StdFile {
        let mut turn = self.own_turn();
        // An error means that the job is gone.
        let _ = poll_fn(|cx| turn.poll_settle(cx)).await;
        turn.try_unread();
        drop(turn);
        self.unwrap()
    }

    /// Gives the file away if nothing is under way.
    ///
    /// # Errors
    ///
    /// The file itself.
    #[allow(clippy::result_large_err, reason = "tokio's signature; so large where locks are")]
    pub fn try_into_std(mut self) -> Result<StdFile, File> {
        if !self.own_turn().try_unread() {
            return Err(self);
        }
        Ok(self.unwrap())
    }

    /// How many bytes a job reads or writes at most, 2 MiB if this is not called: larger reads and
    /// writes are done in part.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(
            max_buf_size > 0,
            "`max_buf_size` is at least 1: a buffer without room moves nothing"
        );
        self.max_buf_size = max_buf_size;
    }

    /// How many bytes a job reads or writes at most.
    pub fn max_buf_size(&self) -> usize {
        self.max_buf_size
    }

    fn unwrap(self) -> StdFile {
        let File { std, job, .. } = self;
        drop(job);
        let copy = |std: Arc<StdFile>| std.try_clone().expect("a descriptor for a second handle");
        Arc::try_unwrap(std).unwrap_or_else(copy)
    }

    /// The turn of who has the file exclusively: nobody else can have one.
    fn own_turn(&mut self) -> Turn<'_> {
        let job = self.job.lock().take();
        Turn { slot: &self.job, job, _permit: None }
    }

    /// Waits for a turn among those who share the file, and for what is under way.
    async fn settled(&self) -> io::Result<Turn<'_>> {
        let permit = self.turns.acquire().await.expect("it is never closed");
        let job = self.job.lock().take();
        let mut turn = Turn { slot: &self.job, job, _permit: Some(permit) };
        poll_fn(|cx| turn.poll_settle(cx)).await?;
        Ok(turn)
    }

    /// Waits for a turn; then has a thread do `what`.
    async fn in_turn<R: Send + 'static>(
        &self,
        what: impl FnOnce(&StdFile) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        run(self.settled().await?, what).await
    }
}

/// Has a thread do `what` with a file that has nothing under way.
///
/// Given up, it goes on as what the file has under way.
async fn run<R: Send + 'static>(
    mut turn: Turn<'_>,
    what: impl FnOnce(&StdFile) -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let answer = Arc::new(Mutex::new(None));
    let slot = answer.clone();
    turn.start_other(move |std| {
        let said = what(std)?;
        *slot.lock() = Some(said);
        Ok(())
    })?;
    if let Outcome::Done(Err(error)) = poll_fn(|cx| turn.poll_settle(cx)).await? {
        return Err(error);
    }
    let said = answer.lock().take();
    Ok(said.expect("a job that is done has left its answer"))
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let spent = ready!(budget::poll_proceed(cx));
        let most = self.max_buf_size;
        let outcome = ready!(self.own_turn().poll_read(cx, buf, most));
        spent.made_progress();
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let spent = ready!(budget::poll_proceed(cx));
        let most = self.max_buf_size;
        let outcome = ready!(self.own_turn().poll_write(cx, slices, most));
        spent.made_progress();
        Poll::Ready(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let spent = ready!(budget::poll_proceed(cx));
        let outcome = ready!(self.own_turn().poll_flush(cx));
        spent.made_progress();
        Poll::Ready(outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.own_turn().start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let spent = ready!(budget::poll_proceed(cx));
        let outcome = ready!(self.own_turn().poll_complete(cx));
        spent.made_progress();
        Poll::Ready(outcome)
    }
}

impl From<StdFile> for File {
    fn from(std: StdFile) -> File {
        File::from_std(std)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("std", &self.std).finish_non_exhaustive()
    }
}
