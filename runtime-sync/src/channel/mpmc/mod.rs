//! Many to many.
