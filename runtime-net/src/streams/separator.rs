//! To find the first of some separators in what has arrived so far.

/// Where a separator was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// How many bytes are before it.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// Finds the separator that ends first, the longest of those that end there.
///
/// Nothing before `from` ends a separator. No separator is empty.
pub(super) fn find(bytes: &[u8], separators: &[&[u8]], from: usize) -> Option<Found> {
    let found = separators.iter().filter_map(|separator| {
        let start = from.saturating_sub(separator.len() - 1);
        let at = memchr::memmem::find(bytes.get(start..)?, separator)? + start;
        Some(Found { start: at, end: at + separator.len() })
    });
    found.min_by_key(|found| (found.end, found.start))
}
