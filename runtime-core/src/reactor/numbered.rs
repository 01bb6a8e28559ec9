//! What can be watched: what has a descriptor of its own, or the number of another one's.

use super::descriptor::RawDescriptor;

/// What can be watched.
pub trait Numbered {
    /// The number of its descriptor, the same as long as it is watched.
    fn number(&self) -> RawDescriptor;

    /// Whether the descriptor is open as long as it is watched, whatever others do.
    fn is_owned(&self) -> bool {
        true
    }
}

/// The number of a descriptor that belongs to somebody else, who may close it at any time.
#[derive(Debug, Clone, Copy)]
pub struct Unowned(pub RawDescriptor);

impl Numbered for Unowned {
    #[inline]
    fn number(&self) -> RawDescriptor {
        self.0
    }

    fn is_owned(&self) -> bool {
        false
    }
}
