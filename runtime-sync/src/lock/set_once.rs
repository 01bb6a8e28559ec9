//! A value that is set once and waited for.
