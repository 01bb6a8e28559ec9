//! All arrive, then all go on.
