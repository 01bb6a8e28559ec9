//! Everyone sees the latest.
