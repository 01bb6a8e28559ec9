//! A signal without a value.
