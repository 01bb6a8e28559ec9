//! A value that is made once, by whoever needs it first.
