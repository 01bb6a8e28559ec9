//! The checkout that this program was started in: that of the person who runs it, whoever built it.

use std::env;
use std::path::{Path, PathBuf};

/// The file of this name in the folder above this package's.
pub(crate) fn root(name: &str) -> Result<PathBuf, String> {
    Ok(file("..")?.join(name))
}

/// The file of this name in the folder of this package.
pub(crate) fn file(name: &str) -> Result<PathBuf, String> {
    let here = env::current_dir().map_err(|e| format!("no current folder: {e}"))?;
    match package_around(&here) {
        Some(package) => Ok(package.join(name)),
        None => Err(format!(
            "no checkout of filch around {}: neither it nor a folder above it has benches/Cargo.toml, \
             beside which {name} lies; start this program in a checkout",
            here.display()
        )),
    }
}

/// The folder of this package in the checkout that `place` is in.
fn package_around(place: &Path) -> Option<PathBuf> {
    let packages = place.ancestors().map(|folder| folder.join("benches"));
    packages.into_iter().find(|package| package.join("Cargo.toml").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_found_from_its_depths_and_nowhere_else() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        for place in [package.parent().expect("a workspace"), package, &package.join("src/rows")] {
            assert_eq!(package_around(place).as_deref(), Some(package), "{}", place.display());
        }
        assert_eq!(package_around(Path::new("/")), None);
    }
}
