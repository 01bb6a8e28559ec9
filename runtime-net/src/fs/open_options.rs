//! `OpenOptions`: how a file is opened.

use std::fs::OpenOptions as StdOpenOptions;
use std::io;
use std::path::Path;

use super::{File, cached, on_pool};

/// How a file is opened. tokio's `OpenOptions`, which is std's.
///
/// # Examples
///
/// ```
/// use filch::fs::OpenOptions;
/// use filch::io::AsyncWriteExt;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("filch-doc-options-{}", std::process::id()));
/// let mut log = OpenOptions::new().append(true).create(true).open(&path).await?;
/// log.write_all(b"one line more\n").await?;
/// log.flush().await?;
/// # filch::fs::remove_file(&path).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions(pub(super) StdOpenOptions);

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions::new()
    }
}

/// Passes the options on.
macro_rules! options {
    ($($(#[$doc:meta])* fn $name:ident($value:ident: $kind:ty);)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, $value: $kind) -> &mut OpenOptions {
            self.0.$name($value);
            self
        }
    )*};
}
pub(super) use options;

impl OpenOptions {
    /// No option is set: at least one of `read`, `write` and `append` must be.
    pub fn new() -> OpenOptions {
        OpenOptions(StdOpenOptions::new())
    }

    options! {
        /// To read.
        fn read(read: bool);
        /// To write, over what is there.
        fn write(write: bool);
        /// To write, always behind what is there.
        fn append(append: bool);
        /// Whether what is there is thrown away.
        fn truncate(truncate: bool);
        /// Whether a file that is missing is made.
        fn create(create: bool);
        /// Whether the file must be missing, and is made.
        fn create_new(create_new: bool);
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::OpenOptions::open`].
    ///
    /// # Cancel safety
    ///
    /// A file that is opened after the future was dropped is closed again; it may have been made or
    /// emptied.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        let open = move || options.open(path).map(|std| (cached::home(&std), std));
        on_pool(open).await.map(|(home, std)| File::at(home, std))
    }
}

impl From<StdOpenOptions> for OpenOptions {
    fn from(std: StdOpenOptions) -> OpenOptions {
        OpenOptions(std)
    }
}
