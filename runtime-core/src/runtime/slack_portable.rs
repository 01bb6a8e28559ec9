//! How late the kernel may wake a thread up, where it is not asked.

pub(super) fn be_precise() {}

/// Starts a thread or a child.
pub fn without_heirs<R>(start: impl FnOnce() -> R) -> R {
    start()
}
