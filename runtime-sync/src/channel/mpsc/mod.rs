//! Many to one.
