//! Waiting until all of many futures have ended, without keeping their outputs.
