//! The functions that take paths: each is std's function of that name, as one job if any.

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use super::{at_once, cached, on_pool};

/// Writes a function that takes one path. With `at once`, it may find what it needs in memory.
macro_rules! of_a_path {
    ($(
        $(#[$doc:meta])*
        fn $name:ident -> $answer:ty = $function:path $(, at once $attempt:path)?;
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of [`", stringify!($function), "`].")]
        pub async fn $name(path: impl AsRef<Path>) -> io::Result<$answer> {
            of_a_path!(@ path.as_ref(), $function $(, $attempt)?)
        }
    )*};
    (@ $path:expr, $function:path) => {{
        let path = $path.to_owned();
        on_pool(move || $function(path)).await
    }};
    (@ $path:expr, $function:path, $attempt:path) => {
        at_once($path, $attempt, $function).await
    };
}

/// Writes a function that takes two paths.
macro_rules! of_two_paths {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($from:ident, $to:ident) -> $answer:ty = $function:path;
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of [`", stringify!($function), "`].")]
        pub async fn $name(
            $from: impl AsRef<std::path::Path>,
            $to: impl AsRef<std::path::Path>,
        ) -> std::io::Result<$answer> {
            let ($from, $to) = ($from.as_ref().to_owned(), $to.as_ref().to_owned());
            $crate::fs::on_pool(move || $function($from, $to)).await
        }
    )*};
}
pub(super) use of_two_paths;

of_a_path! {
    /// What the system knows about the file that a path leads to.
    fn metadata -> Metadata = std::fs::metadata, at once cached::metadata;
    /// The whole file.
    ///
    /// One job at most, however long it is: for files that fit into memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// assert!(!filch::fs::read("/proc/self/status").await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    fn read -> Vec<u8> = std::fs::read, at once cached::read;
    /// The whole file, which must be UTF-8.
    fn read_to_string -> String = std::fs::read_to_string, at once cached::read_to_string;
}

of_a_path! {
    /// The absolute path, without links and dots.
    fn canonicalize -> PathBuf = std::fs::canonicalize;
    /// Makes a directory, whose parent must be there.
    fn create_dir -> () = std::fs::create_dir;
    /// Makes a directory, and those above it that are missing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let folder = std::env::temp_dir().join(format!("filch-doc-{}", std::process::id()));
    /// filch::fs::create_dir_all(folder.join("a/b")).await?;
    /// assert!(filch::fs::try_exists(folder.join("a")).await?);
    /// filch::fs::remove_dir_all(&folder).await?;
    /// assert!(!filch::fs::try_exists(&folder).await?);
    /// # Ok(())
    /// # }
    /// ```
    fn create_dir_all -> () = std::fs::create_dir_all;
    /// Where a symbolic link points to.
    fn read_link -> PathBuf = std::fs::read_link;
    /// Removes an empty directory.
    fn remove_dir -> () = std::fs::remove_dir;
    /// Removes a directory with all that is in it. Symbolic links are removed, not followed.
    fn remove_dir_all -> () = std::fs::remove_dir_all;
    /// Removes a file. Those who have it open keep it until they close it.
    fn remove_file -> () = std::fs::remove_file;
    /// What the system knows about a path itself, which may be a symbolic link.
    fn symlink_metadata -> Metadata = std::fs::symlink_metadata;
    /// Whether a path leads to something. Unlike `Path::exists`, it says when it cannot know.
    fn try_exists -> bool = std::fs::exists;
}

of_two_paths! {
    /// Copies a file and its permissions, over the one that was there. Returns its length.
    fn copy(from, to) -> u64 = std::fs::copy;
    /// Gives a file another name, in the same file system.
    fn hard_link(original, link) -> () = std::fs::hard_link;
    /// Moves a file or a directory, in the same file system, over the one that was there.
    fn rename(from, to) -> () = std::fs::rename;
}

/// Changes the permissions of what a path leads to.
///
/// # Errors
///
/// Those of [`std::fs::set_permissions`].
pub async fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    on_pool(move || std::fs::set_permissions(path, permissions)).await
}

/// Makes a file with these contents, in place of the one that was there.
///
/// # Errors
///
/// Those of [`std::fs::write`]: the file may have been written in part.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("filch-doc-write-{}", std::process::id()));
/// filch::fs::write(&path, "hello").await?;
/// assert_eq!(filch::fs::read_to_string(&path).await?, "hello");
/// filch::fs::remove_file(&path).await?;
/// # Ok(())
/// # }
/// ```
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    let contents = contents.as_ref().to_owned();
    on_pool(move || std::fs::write(path, contents)).await
}
