//! Files and directories, on the blocking pool.
//!
//! | name | what |
//! |---|---|
//! | [`File`], [`OpenOptions`] | a file, opened |
//! | [`read`], [`read_to_string`], [`write()`], [`copy`] | whole files |
//! | [`metadata`], [`set_permissions`], [`rename`], [`remove_file`], … | what is said about a path |
//! | [`create_dir`], [`DirBuilder`], [`read_dir`], … | directories |
//!
//! Systems do not tell when a file is ready: so every operation is one job for a thread that may
//! block, see [`spawn_blocking`]. That costs some microseconds,
//! and so few large operations are better than many small ones:
//! [`BufReader`](crate::io::BufReader) and [`BufWriter`](crate::io::BufWriter) help.
//!
//! # Cancel safety
//!
//! A job that has begun goes on when its future is dropped. A function that changes something may
//! have changed it, or may do so later.
//!
//! # Panics
//!
//! All of these functions panic if there is no runtime on this thread.

mod dir_builder;
mod dir_entry;
mod file;
mod file_job;
#[expect(unsafe_code, reason = "std's `from_raw_fd` is unsafe")]
mod file_raw;
mod functions;
mod open_options;
mod read_dir;

pub use dir_builder::DirBuilder;
pub use dir_entry::DirEntry;
pub use file::File;
pub use functions::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink,
    symlink_metadata, try_exists, write,
};
pub use open_options::OpenOptions;
pub use read_dir::{ReadDir, read_dir};

use std::io;

use runtime_core::spawn::spawn_blocking;

/// Has a thread do what may block, and waits for it.
async fn on_pool<R: Send + 'static>(
    job: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    spawn_blocking(job).await?
}
