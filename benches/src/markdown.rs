//! The README of this package: tables between markers, which runs replace.

use crate::checkout;
use std::{fmt::Display, fs, path::Path};

/// A line of a table.
pub(crate) fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// The first two lines of a table: names stand left, numbers right.
pub(crate) fn rule(head: &[String]) -> Vec<String> {
    let numeric = |index: usize| index > 0 && head[index] != "unit";
    let rule = (0..head.len()).map(|index| if numeric(index) { "---:" } else { "---" }.to_owned());
    vec![line(head), line(&rule.collect::<Vec<_>>())]
}

/// Replaces what stands in the README between the markers named `part`.
pub(crate) fn write(part: &str, text: &str) -> Result<(), String> {
    write_to(&checkout::file("README.md")?, part, text)
}

/// The same in any file.
pub(crate) fn write_to(file: &Path, part: &str, text: &str) -> Result<(), String> {
    let wrong = |e: &dyn Display| format!("{}: {e}", file.display());
    let old = fs::read_to_string(file).map_err(|e| wrong(&e))?;
    let new = replace(&old, part, text).ok_or_else(|| wrong(&format!("no markers for {part}")))?;
    fs::write(file, new).map_err(|e| wrong(&e))
}

fn replace(old: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {part}: begin -->"), format!("<!-- {part}: end -->"));
    let (before, rest) = old.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let old = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb";
        let new = "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb";
        assert_eq!(replace(old, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replace(old, "y", "new"), None);
    }

    #[test]
    fn the_readme_has_markers_for_all_parts() {
        let readme = fs::read_to_string(checkout::file("README.md").expect("a checkout"));
        let readme = readme.expect("it is there");
        for part in ["table", "single", "counts", "scaling", "libraries", "builds"] {
            assert!(replace(&readme, part, "").is_some(), "{part}");
        }
    }
}
