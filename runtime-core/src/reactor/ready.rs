//! What one waits for on a descriptor (`Interest`), and what has come (`Ready`).

use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub, SubAssign};

const READABLE: u8 = 1 << 0;
const WRITABLE: u8 = 1 << 1;
const READ_CLOSED: u8 = 1 << 2;
const WRITE_CLOSED: u8 = 1 << 3;
const PRIORITY: u8 = 1 << 4;
const ERROR: u8 = 1 << 5;

/// One of the two ways that bytes flow through a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards us.
    Read,
    /// Away from us.
    Write,
}

impl Direction {
    /// The readiness that lets an operation in this direction be tried.
    pub const fn ready(self) -> Ready {
        match self {
            Direction::Read => Ready(READABLE | READ_CLOSED),
            Direction::Write => Ready(WRITABLE | WRITE_CLOSED),
        }
    }
}

/// What has been reported of a descriptor: a set of flags.
///
/// A flag says that an operation is worth a try. It may still answer
/// [`WouldBlock`](std::io::ErrorKind::WouldBlock).
///
/// # Examples
///
/// ```
/// use filch::io::Ready;
///
/// let ready = Ready::READABLE | Ready::READ_CLOSED;
/// assert!(ready.is_readable());
/// assert!(!ready.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ready(u8);

impl Ready {
    /// Nothing.
    pub const EMPTY: Ready = Ready(0);
    /// There is something to read.
    pub const READABLE: Ready = Ready(READABLE);
    /// There is room to write.
    pub const WRITABLE: Ready = Ready(WRITABLE);
    /// The other side will send no more.
    pub const READ_CLOSED: Ready = Ready(READ_CLOSED);
    /// The other side will take no more.
    pub const WRITE_CLOSED: Ready = Ready(WRITE_CLOSED);
    /// There is urgent data.
    pub const PRIORITY: Ready = Ready(PRIORITY);
    /// There is an error to fetch.
    pub const ERROR: Ready = Ready(ERROR);
    /// Everything.
    pub const ALL: Ready =
        Ready(READABLE | WRITABLE | READ_CLOSED | WRITE_CLOSED | PRIORITY | ERROR);

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a read is worth a try: there are bytes, or the end.
    pub const fn is_readable(self) -> bool {
        self.0 & (READABLE | READ_CLOSED) != 0
    }

    /// Whether a write is worth a try: there is room, or an error.
    pub const fn is_writable(self) -> bool {
        self.0 & (WRITABLE | WRITE_CLOSED) != 0
    }

    /// Whether the other side will send no more.
    pub const fn is_read_closed(self) -> bool {
        self.0 & READ_CLOSED != 0
    }

    /// Whether the other side will take no more.
    pub const fn is_write_closed(self) -> bool {
        self.0 & WRITE_CLOSED != 0
    }

    /// Whether there is urgent data.
    pub const fn is_priority(self) -> bool {
        self.0 & PRIORITY != 0
    }

    /// Whether there is an error to fetch.
    pub const fn is_error(self) -> bool {
        self.0 & ERROR != 0
    }

    /// These flags without those of `other`.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn from_bits(bits: u8) -> Ready {
        Ready(bits)
    }

    pub(super) const fn minus(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is set.
    pub const fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    /// The flags that satisfy `interest`.
    #[inline]
    pub const fn from_interest(interest: Interest) -> Ready {
        let interest = interest.0.get();
        let mut flags = 0;
        if interest & READABLE != 0 {
            flags |= READABLE | READ_CLOSED;
        }
        if interest & WRITABLE != 0 {
            flags |= WRITABLE | WRITE_CLOSED;
        }
        if interest & PRIORITY != 0 {
            flags |= PRIORITY | READ_CLOSED;
        }
        if interest & ERROR != 0 {
            flags |= ERROR;
        }
        Ready(flags)
    }
}

impl BitOr for Ready {
    type Output = Ready;
    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl BitOrAssign for Ready {
    fn bitor_assign(&mut self, other: Ready) {
        self.0 |= other.0;
    }
}

impl BitAnd for Ready {
    type Output = Ready;
    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl BitAndAssign for Ready {
    fn bitand_assign(&mut self, other: Ready) {
        self.0 &= other.0;
    }
}

impl Sub for Ready {
    type Output = Ready;
    fn sub(self, other: Ready) -> Ready {
        Ready(self.0 & !other.0)
    }
}

impl SubAssign for Ready {
    fn sub_assign(&mut self, other: Ready) {
        self.0 &= !other.0;
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names(self.0, f)
    }
}

/// What one wants to hear of a descriptor: a set of flags that is never empty.
///
/// # Examples
///
/// ```
/// use filch::io::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert_eq!(both.remove(Interest::WRITABLE), Some(Interest::READABLE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest(NonZeroU8);

impl Interest {
    /// Bytes to read, or their end.
    pub const READABLE: Interest = Interest(NonZeroU8::new(READABLE).unwrap());
    /// Room to write.
    pub const WRITABLE: Interest = Interest(NonZeroU8::new(WRITABLE).unwrap());
    /// Urgent data.
    pub const PRIORITY: Interest = Interest(NonZeroU8::new(PRIORITY).unwrap());
    /// Errors, also while nothing can be read or written.
    pub const ERROR: Interest = Interest(NonZeroU8::new(ERROR).unwrap());

    /// Whether bytes to read are wanted.
    pub const fn is_readable(self) -> bool {
        self.0.get() & READABLE != 0
    }

    /// Whether room to write is wanted.
    pub const fn is_writable(self) -> bool {
        self.0.get() & WRITABLE != 0
    }

    /// Whether urgent data is wanted.
    pub const fn is_priority(self) -> bool {
        self.0.get() & PRIORITY != 0
    }

    /// Whether errors are wanted.
    pub const fn is_error(self) -> bool {
        self.0.get() & ERROR != 0
    }

    /// Both sets together.
    #[must_use = "this returns the sum and changes nothing"]
    pub const fn add(self, other: Interest) -> Interest {
        Interest(self.0.checked_add(other.0.get() & !self.0.get()).unwrap())
    }

    /// This set without `other`, or `None` if nothing is left.
    #[must_use = "this returns the rest and changes nothing"]
    pub const fn remove(self, other: Interest) -> Option<Interest> {
        match NonZeroU8::new(self.0.get() & !other.0.get()) {
            Some(rest) => Some(Interest(rest)),
            None => None,
        }
    }
}

impl BitOr for Interest {
    type Output = Interest;
    fn bitor(self, other: Interest) -> Interest {
        Interest(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        names(self.0.get(), f)
    }
}

fn names(flags: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const NAMES: [&str; 6] =
        ["READABLE", "WRITABLE", "READ_CLOSED", "WRITE_CLOSED", "PRIORITY", "ERROR"];
    let mut set = NAMES.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0);
    match set.next() {
        None => return f.write_str("EMPTY"),
        Some((_, first)) => f.write_str(first)?,
    }
    set.try_for_each(|(_, name)| write!(f, " | {name}"))
}
