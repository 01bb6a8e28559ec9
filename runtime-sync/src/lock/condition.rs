//! Waiting for a change of what a mutex guards.
