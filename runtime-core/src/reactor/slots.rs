//! The slots that sources live in: they grow, they are used again, and they never move.
//!
//! Slots come in chunks, four of each length, and each length twice the one before: so a chunk never
//! needs to be moved, and of many slots at most a fifth have had no use yet. A slot's number says in
//! which chunk it lies and where, so that it is found without a lock. A token is that number and the
//! generation of the slot's owner; it is what the kernel is given, and no pointer ever is. Whatever
//! token comes back, made up or long out of date, it leads to a slot that exists or to nothing.
//!
//! The lines of those who wait lie apart from the sources, since connections mostly need none: a chunk
//! has lines once somebody stands in one.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use runtime_sync::contention::Backoff;
use runtime_sync::primitives::{Mutex, MutexGuard};

use super::descriptor::RawDescriptor;
use super::numbered::Numbered;
use super::readiness::GENERATIONS;
use super::source::{Line, Source};
use super::watched::Watched;

/// Of each length there are so many chunks.
const SAME_LENGTH: usize = 4;
/// The length of the first ones, which together are a page.
const SHORTEST: usize = 16;
/// Together the chunks hold 67 million slots, more than a process may have descriptors.
const CHUNKS: usize = 20 * SAME_LENGTH;
/// The lower bits of a slot's number: where it lies in its chunk.
const OFFSET_BITS: u32 = 25;

/// The slots of a reactor.
pub(super) struct Slots {
    chunks: [OnceLock<Chunk>; CHUNKS],
    book: Mutex<Book>,
}

struct Chunk {
    sources: Box<[Source]>,
    lines: OnceLock<Box<[Line]>>,
}

/// Which slots are free.
struct Book {
    free: Vec<u32>,
    /// The first slot that was never given out.
    fresh: u32,
    closed: bool,
    watched: Watched,
    registered: u64,
    deregistered: u64,
}

/// Names a slot and the owner it was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A slot that was given out.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) token: Token,
    /// Who watches the number is to be [settled](Slots::settle) once the system has been told.
    pub(super) has_entered: bool,
    /// The one that has watched it up to now. If it is watched anew, that one's descriptor was closed without its
    /// knowing.
    pub(super) before: Option<Token>,
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
        Slots { chunks: [const { OnceLock::new() }; CHUNKS], book: Mutex::new(Book::new()) }
    }

    /// Gives out a slot, for who is about to have `watched` watched under its token.
    pub(super) fn claim(&self, watched: &(impl Numbered + ?Sized)) -> Result<Claim, NoSlot> {
        let descriptor = watched.number();
        let mut book = self.book_once_settled(descriptor);
        if book.closed {
            return Err(NoSlot::ShutDown);
        }
        let index = match book.free.pop() {
            Some(index) => index,
            None => {
                let index = book.fresh;
                let (number, offset) = place(index);
                let chunk = self.chunks.get(number).ok_or(NoSlot::Full)?;
                let chunk = chunk.get_or_init(|| Chunk::new(number));
                let is_last = offset + 1 == chunk.sources.len();
                book.fresh = if is_last { first_of(number + 1) } else { index + 1 };
                index
            }
        };
        book.registered += 1;
        let has_entered = !watched.is_owned() || book.watched.knows(descriptor);
        let before = has_entered.then(|| book.watched.enter(descriptor)).flatten();
        drop(book);
        // The owner of the one before is still there: it ends its watch once this is settled.
        let before = before.map(|before| self.token(before));
        Ok(Claim { token: self.token(index), has_entered, before })
    }

    /// The book, when nobody is just telling the system of `descriptor`: whoever does so is in a system call that
    /// does not wait.
    fn book_once_settled(&self, descriptor: RawDescriptor) -> MutexGuard<'_, Book> {
        let backoff = Backoff::new();
        let mut book = self.book.lock();
        while book.watched.is_unsettled(descriptor) {
            drop(book);
            backoff.snooze();
            book = self.book.lock();
        }
        book
    }

    fn token(&self, index: u32) -> Token {
        Token { index, generation: self.get(index).map_or(0, Source::generation) }
    }

    /// Whether the owner of slot `index`, which no longer wants it, is the one that watches `descriptor`, and
    /// is to tell the system of that, and then to [settle](Slots::settle) it.
    pub(super) fn begin_to_end(&self, descriptor: RawDescriptor, index: u32) -> bool {
        self.book_once_settled(descriptor).watched.begin_to_end(descriptor, index)
    }

    /// The system has been told: this slot watches `descriptor`, or nobody that is to be entered.
    pub(super) fn settle(&self, descriptor: RawDescriptor, by: Option<u32>) {
        self.book.lock().watched.settle(descriptor, by);
    }

    /// Takes slot `index` back. Whatever still carries its old token has no effect from here on.
    pub(super) fn release(&self, index: u32) {
        if let Some(source) = self.get(index) {
            source.retire(self.line(index));
        }
        let mut book = self.book.lock();
        book.free.push(index);
        book.deregistered += 1;
    }

    /// The slot of number `index`.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Source> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.sources.get(offset)
    }

    /// The line before slot `index`, if somebody ever stood there or close by.
    pub(super) fn line(&self, index: u32) -> Option<&Line> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.lines.get()?.get(offset)
    }

    /// The line before slot `index`, for who is about to stand there.
    pub(super) fn line_for_waiting(&self, index: u32) -> Option<&Line> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.lines().get(offset)
    }

    /// Gives out no more slots; returns the numbers of all there are.
    pub(super) fn close(&self) -> impl Iterator<Item = u32> {
        self.book.lock().closed = true;
        let chunks = self.chunks.iter().map_while(OnceLock::get).enumerate();
        chunks.flat_map(|(number, chunk)| (first_of(number)..).take(chunk.sources.len()))
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

impl Book {
    const fn new() -> Book {
        Book {
            free: Vec::new(),
            fresh: 0,
            closed: false,
            watched: Watched::new(),
            registered: 0,
            deregistered: 0,
        }
    }
}

impl Chunk {
    fn new(number: usize) -> Chunk {
        let len = SHORTEST << (number / SAME_LENGTH);
        Chunk { sources: (0..len).map(|_| Source::new()).collect(), lines: OnceLock::new() }
    }

    fn lines(&self) -> &[Line] {
        self.lines.get_or_init(|| self.sources.iter().map(|_| Line::new()).collect())
    }
}

/// The number of the first slot of a chunk.
fn first_of(chunk: usize) -> u32 {
    (chunk as u32) << OFFSET_BITS
}

/// Which chunk slot `index` lies in, and where in it.
#[inline]
fn place(index: u32) -> (usize, usize) {
    let offset = index & ((1 << OFFSET_BITS) - 1);
    ((index >> OFFSET_BITS) as usize, offset as usize)
}
