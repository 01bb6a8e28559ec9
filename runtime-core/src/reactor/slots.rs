//! The slots that sources live in: they grow, they are used again, and they never move.
//!
//! Slots come in chunks, each twice as long as the one before, so that a slot is found from its
//! number without a lock and a chunk never needs to be moved. A token is the slot's number and
//! the generation of its owner; it is what the kernel is given, and no pointer ever is. Whatever
//! token comes back, made up or long out of date, it leads to a slot that exists or to nothing.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use runtime_sync::primitives::Mutex;

use super::readiness::GENERATIONS;
use super::source::Source;

/// The first chunk has `1 << FIRST_BITS` slots, which is one page and a bit.
const FIRST_BITS: u32 = 6;
/// Together the chunks hold 67 million slots, more than a process may have descriptors.
const CHUNKS: usize = 20;

/// The slots of a reactor.
pub(super) struct Slots {
    chunks: [OnceLock<Box<[Source]>>; CHUNKS],
    book: Mutex<Book>,
}

/// Which slots are free.
#[derive(Default)]
struct Book {
    free: Vec<u32>,
    used: u32,
    closed: bool,
    registered: u64,
    deregistered: u64,
}

/// Names a slot and the owner it was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Why no slot was to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    ShutDown,
    Full,
}

impl Token {
    /// As a number for the kernel. The upper eight bits stay zero, for the driver's own tokens.
    pub(super) fn pack(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// From a number that the kernel gave back; `None` if no token packs to it.
    pub(super) fn unpack(packed: u64) -> Option<Token> {
        let generation = (packed >> 32) as u32;
        let index = packed as u32;
        (generation < GENERATIONS).then_some(Token { index, generation })
    }
}

impl Slots {
    pub(super) fn new() -> Slots {
        Slots { chunks: [const { OnceLock::new() }; CHUNKS], book: Mutex::default() }
    }

    /// Gives out a slot.
    pub(super) fn claim(&self) -> Result<Token, NoSlot> {
        let mut book = self.book.lock();
        if book.closed {
            return Err(NoSlot::ShutDown);
        }
        let index = match book.free.pop() {
            Some(index) => index,
            None => {
                let index = book.used;
                let (chunk, _) = place(index);
                let slots = self.chunks.get(chunk).ok_or(NoSlot::Full)?;
                slots.get_or_init(|| new_chunk(chunk));
                book.used += 1;
                index
            }
        };
        book.registered += 1;
        drop(book);
        let generation = self.get(index).map_or(0, Source::generation);
        Ok(Token { index, generation })
    }

    /// Takes a slot back. Whatever still carries its old token has no effect from here on.
    pub(super) fn release(&self, token: Token) {
        if let Some(source) = self.get(token.index) {
            source.retire();
        }
        let mut book = self.book.lock();
        book.free.push(token.index);
        book.deregistered += 1;
    }

    /// The slot of number `index`.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Source> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    /// Gives out no more slots; returns all there are.
    pub(super) fn close(&self) -> impl Iterator<Item = &Source> {
        let mut book = self.book.lock();
        book.closed = true;
        let used = book.used;
        drop(book);
        (0..used).filter_map(|index| self.get(index))
    }

    /// How many were ever given out, and how many of these came back.
    pub(super) fn counts(&self) -> (u64, u64) {
        let book = self.book.lock();
        (book.registered, book.deregistered)
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (registered, deregistered) = self.counts();
        f.debug_struct("Slots")
            .field("registered", &registered)
            .field("deregistered", &deregistered)
            .finish_non_exhaustive()
    }
}

impl From<NoSlot> for io::Error {
    fn from(why: NoSlot) -> io::Error {
        match why {
            NoSlot::ShutDown => super::source::ShutDown.into(),
            NoSlot::Full => {
                io::Error::new(io::ErrorKind::OutOfMemory, "too many watched descriptors")
            }
        }
    }
}

/// Which chunk slot `index` lies in, and where in it.
#[inline]
fn place(index: u32) -> (usize, usize) {
    let shifted = u64::from(index) + (1 << FIRST_BITS);
    let chunk = shifted.ilog2();
    ((chunk - FIRST_BITS) as usize, (shifted - (1 << chunk)) as usize)
}

fn new_chunk(chunk: usize) -> Box<[Source]> {
    (0..1usize << (FIRST_BITS as usize + chunk)).map(|_| Source::new()).collect()
}
