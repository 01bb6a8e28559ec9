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
use runtime_sync::primitives::Mutex;

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

    /// Gives out a slot, for who is about to have `watched` watched under its token. Also returns the
    /// token of one whose descriptor was closed without its knowing, since this one has its number.
    pub(super) fn claim(
        &self,
        watched: &(impl Numbered + ?Sized),
    ) -> Result<(Token, Option<Token>), NoSlot> {
        let descriptor = watched.number();
        let backoff = Backoff::new();
        let mut book = self.book.lock();
        while book.watched.is_ending(descriptor) {
            // Whoever ends that watch has closed its descriptor too early, and is in a system call that
            // does not wait.
            drop(book);
            backoff.snooze();
            book = self.book.lock();
        }
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
        // Its owner is still there, as it would have begun to end the watch.
        let before = match watched.is_owned() {
            true => book.watched.lose(descriptor),
            false => book.watched.enter(descriptor, index),
        };
        drop(book);
        Ok((self.token(index), before.map(|before| self.token(before))))
    }

    fn token(&self, index: u32) -> Token {
        Token { index, generation: self.get(index).map_or(0, Source::generation) }
    }

    /// Whether the owner of slot `index`, which no longer wants it, is the one that watches `descriptor`, and
    /// is to tell the system of that.
    pub(super) fn begin_to_end(&self, descriptor: RawDescriptor, index: u32) -> bool {
        self.book.lock().watched.begin_to_end(descriptor, index)
    }

    /// Takes slot `index` back. Whatever still carries its old token has no effect from here on. `settle` says
    /// what became of the watch.
    pub(super) fn release(&self, index: u32, settle: impl FnOnce(&mut Watched)) {
        if let Some(source) = self.get(index) {
            source.retire(self.line(index));
        }
        let mut book = self.book.lock();
        settle(&mut book.watched);
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
