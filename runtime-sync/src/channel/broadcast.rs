//! Everyone sees everything.
