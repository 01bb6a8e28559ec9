//! A buffer that knows how much of it is filled, and how much initialized.
//!
//! # Invariants
//!
//! - `filled <= initialized <= buf.len()`.
//! - The first `initialized` bytes of `buf` are initialized, and are never made uninitialized.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::task::{Poll, ready};

use bytes::BufMut;
use bytes::buf::UninitSlice;

/// A buffer that is filled from its start, and need not be initialized before.
///
/// ```text
/// [             capacity              ]
/// [  filled   |       unfilled        ]
/// [     initialized      |  uninit    ]
/// ```
///
/// # Examples
///
/// ```
/// use filch::io::ReadBuf;
///
/// let mut bytes = [0; 8];
/// let mut buf = ReadBuf::new(&mut bytes);
/// buf.put_slice(b"abc");
/// assert_eq!(buf.filled(), b"abc");
/// assert_eq!(buf.remaining(), 5);
/// ```
pub struct ReadBuf<'a> {
    buf: &'a mut [MaybeUninit<u8>],
    filled: usize,
    initialized: usize,
}

impl<'a> ReadBuf<'a> {
    /// An empty buffer in initialized memory.
    #[inline]
    pub fn new(buf: &'a mut [u8]) -> ReadBuf<'a> {
        let initialized = buf.len();
        // SAFETY: `u8` and `MaybeUninit<u8>` have the same layout. Nothing uninitialized is ever
        // written through this borrow by safe code, as all of it counts as initialized; the
        // unsafe methods demand the same of their callers.
        let buf = unsafe { &mut *(std::ptr::from_mut(buf) as *mut [MaybeUninit<u8>]) };
        ReadBuf { buf, filled: 0, initialized }
    }

    /// An empty buffer in memory that may hold anything.
    #[inline]
    pub fn uninit(buf: &'a mut [MaybeUninit<u8>]) -> ReadBuf<'a> {
        ReadBuf { buf, filled: 0, initialized: 0 }
    }

    /// How many bytes fit in all.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// The bytes that have been read.
    #[inline]
    pub fn filled(&self) -> &[u8] {
        // SAFETY: the filled part is initialized, see the invariants.
        unsafe { assume_init_ref(&self.buf[..self.filled]) }
    }

    /// The bytes that have been read.
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        // SAFETY: the filled part is initialized, see the invariants.
        unsafe { assume_init_mut(&mut self.buf[..self.filled]) }
    }

    /// A buffer over the first `n` bytes of the unfilled part, or over all of it if it is shorter.
    #[inline]
    pub fn take(&mut self, n: usize) -> ReadBuf<'_> {
        let length = n.min(self.remaining());
        let initialized = (self.initialized - self.filled).min(length);
        let buf = &mut self.buf[self.filled..self.filled + length];
        ReadBuf { buf, filled: 0, initialized }
    }

    /// All bytes that are initialized, filled or not.
    #[inline]
    pub fn initialized(&self) -> &[u8] {
        // SAFETY: the first `initialized` bytes are.
        unsafe { assume_init_ref(&self.buf[..self.initialized]) }
    }

    /// All bytes that are initialized, filled or not.
    #[inline]
    pub fn initialized_mut(&mut self) -> &mut [u8] {
        // SAFETY: the first `initialized` bytes are.
        unsafe { assume_init_mut(&mut self.buf[..self.initialized]) }
    }

    /// The whole memory.
    ///
    /// # Safety
    ///
    /// - Bytes that are initialized stay so.
    #[inline]
    pub unsafe fn inner_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.buf
    }

    /// The unfilled part.
    ///
    /// # Safety
    ///
    /// - Bytes that are initialized stay so.
    #[inline]
    pub unsafe fn unfilled_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.buf[self.filled..]
    }

    /// The unfilled part, with zeros where it was not initialized.
    #[inline]
    pub fn initialize_unfilled(&mut self) -> &mut [u8] {
        self.initialize_unfilled_to(self.remaining())
    }

    /// The first `n` bytes of the unfilled part, with zeros where they were not initialized.
    ///
    /// # Panics
    ///
    /// The unfilled part is shorter.
    #[inline]
    #[track_caller]
    pub fn initialize_unfilled_to(&mut self, n: usize) -> &mut [u8] {
        assert!(n <= self.remaining(), "n overflows remaining");
        let end = self.filled + n;
        if self.initialized < end {
            self.buf[self.initialized..end].fill(MaybeUninit::new(0));
            self.initialized = end;
        }
        // SAFETY: everything up to `end` has just been made sure of.
        unsafe { assume_init_mut(&mut self.buf[self.filled..end]) }
    }

    /// How many bytes still fit.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.capacity() - self.filled
    }

    /// Empties the buffer. What is initialized stays so.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Says that `n` more bytes have been filled.
    ///
    /// # Panics
    ///
    /// They are not all initialized.
    #[inline]
    #[track_caller]
    pub fn advance(&mut self, n: usize) {
        self.set_filled(self.filled.checked_add(n).expect("filled overflow"));
    }

    /// Says that the first `n` bytes are filled and no others.
    ///
    /// # Panics
    ///
    /// They are not all initialized.
    #[inline]
    #[track_caller]
    pub fn set_filled(&mut self, n: usize) {
        assert!(n <= self.initialized, "filled must not become larger than initialized");
        self.filled = n;
    }

    /// Says that the first `n` bytes of the unfilled part are initialized.
    ///
    /// # Safety
    ///
    /// - They are.
    #[inline]
    pub unsafe fn assume_init(&mut self, n: usize) {
        self.initialized = self.initialized.max(self.filled + n);
    }

    /// Appends bytes.
    ///
    /// # Panics
    ///
    /// They do not fit.
    #[inline]
    #[track_caller]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.remaining(),
            "buf.len() must fit in remaining(); buf.len() = {}, remaining() = {}",
            bytes.len(),
            self.remaining()
        );
        let end = self.filled + bytes.len();
        UninitSlice::uninit(&mut self.buf[self.filled..end]).copy_from_slice(bytes);
        self.initialized = self.initialized.max(end);
        self.filled = end;
    }
}

// SAFETY: `remaining_mut` is the length of what `chunk_mut` returns, and `advance_mut` moves the
// start of the latter by as much as the caller has initialized.
unsafe impl BufMut for ReadBuf<'_> {
    fn remaining_mut(&self) -> usize {
        self.remaining()
    }

    unsafe fn advance_mut(&mut self, n: usize) {
        // SAFETY: the caller has initialized `n` bytes of the chunk.
        unsafe { self.assume_init(n) };
        self.advance(n);
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::uninit(&mut self.buf[self.filled..])
    }
}

impl fmt::Debug for ReadBuf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuf")
            .field("filled", &self.filled)
            .field("initialized", &self.initialized)
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// Lets `read` fill the next chunk of `target`, and returns how many bytes it filled.
///
/// # Panics
///
/// `read` has put another buffer in the place of the one it was given.
pub(crate) fn fill<B: BufMut + ?Sized>(
    target: &mut B,
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<usize>> {
    if !target.has_remaining_mut() {
        return Poll::Ready(Ok(0));
    }
    let chunk = target.chunk_mut();
    // SAFETY: only initialized bytes are written through a `ReadBuf`, so those of `target` that
    // are initialized stay so.
    let chunk = unsafe { chunk.as_uninit_slice_mut() };
    let start = chunk.as_ptr();
    let mut buf = ReadBuf::uninit(chunk);
    ready!(read(&mut buf))?;
    // A reader may exchange the whole buffer for another one; its count would say nothing of ours.
    assert_eq!(start, buf.buf.as_ptr(), "the reader has exchanged the buffer");
    let count = buf.filled;
    // SAFETY: the first `count` bytes of the chunk are filled and hence initialized.
    unsafe { target.advance_mut(count) };
    Poll::Ready(Ok(count))
}

/// Lets `read` fill at most `limit` bytes of `target`, and returns how many bytes it filled.
///
/// What `read` has initialized counts as initialized afterwards, even if it filled nothing.
///
/// # Panics
///
/// `read` has put another buffer in the place of the one it was given.
pub(crate) fn fill_part(
    target: &mut ReadBuf<'_>,
    limit: usize,
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<usize>> {
    let mut part = target.take(limit);
    let start = part.buf.as_ptr();
    let outcome = read(&mut part);
    assert_eq!(start, part.buf.as_ptr(), "the reader has exchanged the buffer");
    let (count, initialized) = (part.filled, part.initialized);
    // SAFETY: the part begins where the filled bytes of `target` end, and so many of its first
    // bytes are initialized.
    unsafe { target.assume_init(initialized) };
    ready!(outcome)?;
    target.advance(count);
    Poll::Ready(Ok(count))
}

/// # Safety
///
/// - All bytes are initialized.
unsafe fn assume_init_ref(bytes: &[MaybeUninit<u8>]) -> &[u8] {
    // SAFETY: the caller says so, and the layout is the same.
    unsafe { &*(std::ptr::from_ref(bytes) as *const [u8]) }
}

/// # Safety
///
/// - All bytes are initialized.
unsafe fn assume_init_mut(bytes: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: the caller says so, and the layout is the same.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [u8]) }
}
