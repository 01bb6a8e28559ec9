//! Permits that are taken, given back and waited for in line: the base of all locks.
