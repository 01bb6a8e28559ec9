//! `DirBuilder`: makes directories with options.

use std::io;
use std::path::Path;

use super::on_pool;
use super::system::DirMode;

/// Makes directories, with their parents or with permissions of their own. tokio's `DirBuilder`.
///
/// # Examples
///
/// ```
/// use filch::fs::DirBuilder;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let folder = std::env::temp_dir().join(format!("filch-doc-builder-{}", std::process::id()));
/// DirBuilder::new().recursive(true).mode(0o700).create(folder.join("a/b")).await?;
/// filch::fs::remove_dir_all(folder).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    pub(super) mode: DirMode,
}

impl DirBuilder {
    /// One directory at a time, with the permissions that new directories have.
    pub fn new() -> DirBuilder {
        DirBuilder::default()
    }

    /// Whether missing parents are made as well, and a directory that is there is no error.
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.recursive = recursive;
        self
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::DirBuilder::create`].
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut std = std::fs::DirBuilder::new();
        std.recursive(self.recursive);
        self.mode.set(&mut std);
        let path = path.as_ref().to_owned();
        on_pool(move || std.create(path)).await
    }
}
