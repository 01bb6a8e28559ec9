//! Files and directories: what is in memory at once, all else on the blocking pool.
//!
//! | name | what |
//! |---|---|
//! | [`File`], [`OpenOptions`] | a file, opened |
//! | [`read`], [`read_to_string`], [`write()`], [`copy`] | whole files |
//! | [`metadata`], [`set_permissions`], [`rename`], [`remove_file`], … | what is said about a path |
//! | [`create_dir`], [`DirBuilder`], [`read_dir`], … | directories |
//!
//! Systems do not tell when a file is ready: so an operation is one job for a thread that may
//! block, see [`spawn_blocking`](runtime_core::spawn::spawn_blocking). That costs some microseconds,
//! and so few large operations are better than many small ones:
//! [`BufReader`](crate::io::BufReader) and [`BufWriter`](crate::io::BufWriter) help.
//!
//! Linux can be asked to do only what needs no waiting. So [`read`], [`read_to_string`],
//! [`metadata`], [`File::open`] and the reads of a [`File`], of 64 KiB at most, take no job where
//! name and bytes are in the system's memory: on Linux since 6.8, for regular files on ext4, XFS,
//! Btrfs, F2FS and tmpfs, though not through overlayfs, which most containers see. Nothing is opened
//! at once that may lie on a server or in the hands of another process; the first use of a mount is a
//! job, to find out.
//!
//! # Cancel safety
//!
//! A job that has begun goes on when its future is dropped. A function that changes something may
//! have changed it, or may do so later.
//!
//! # Panics
//!
//! All of these functions panic if there is no runtime on this thread.

#[cfg_attr(target_os = "linux", path = "cached_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "cached_portable.rs")]
mod cached;
mod dir_builder;
mod dir_entry;
mod file;
mod file_job;
#[cfg(unix)]
#[expect(unsafe_code, reason = "std's `from_raw_fd` is unsafe")]
mod file_raw;
#[cfg(windows)]
#[expect(unsafe_code, reason = "std's `from_raw_handle` is unsafe")]
#[path = "file_raw_windows.rs"]
mod file_raw;
mod functions;
mod open_options;
mod read_dir;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

/// When a file was read and changed, for [`File::set_times`].
#[doc(no_inline)]
pub use std::fs::FileTimes;

pub use dir_builder::DirBuilder;
pub use dir_entry::DirEntry;
pub use file::File;
pub use functions::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions,
    symlink_metadata, try_exists, write,
};
pub use open_options::OpenOptions;
pub use read_dir::{ReadDir, read_dir};
#[cfg(unix)]
pub use system::symlink;
#[cfg(windows)]
pub use system::{symlink_dir, symlink_file};

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::task::{Poll, ready};

use runtime_core::runtime::context;
use runtime_sync::budget;

use crate::pool::on_thread;

/// The longest read that is done at once: it takes about as long as the way to a thread and back.
const READ_MAX: usize = 64 * 1024;

/// Has a thread do what may block, and waits for it.
async fn on_pool<R: Send + 'static>(
    job: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    on_thread(job)?.await?
}

/// Does at once what needs no waiting; has a thread do `job` otherwise, and waits for it.
async fn at_once<R: Send + 'static>(
    path: &Path,
    attempt: fn(&Path) -> cached::Attempt<R>,
    job: fn(PathBuf) -> io::Result<R>,
) -> io::Result<R> {
    check_runtime();
    let attempted = poll_fn(|cx| {
        let spent = ready!(budget::poll_proceed(cx));
        let attempted = attempt(path);
        if attempted.is_ok() {
            spent.made_progress();
        }
        Poll::Ready(attempted)
    });
    match attempted.await {
        Ok(done) => Ok(done),
        Err(miss) => {
            let path = path.to_owned();
            on_pool(move || {
                miss.learn(&path);
                job(path)
            })
            .await
        }
    }
}

/// Panics without a runtime, also where no thread of it is needed: it is not to be a panic only now and
/// then.
#[track_caller]
fn check_runtime() {
    assert!(context::with_clock(|clock| clock.is_some()), "{}", context::NO_RUNTIME);
}
