//! A signal that something is to end, passed down a tree.
