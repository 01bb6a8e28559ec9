//! The only source of chance; seedable.

use std::cell::Cell;

/// A small, fast generator (xorshift64*): which victim to rob first, where to begin a `select!`.
///
/// Good enough to spread load, not for secrets. The same seed gives the same sequence, which is
/// what a simulation needs to run a second time.
#[derive(Debug)]
pub struct Rng(Cell<u64>);

impl Rng {
    /// A generator that repeats itself for the same `seed`.
    pub const fn new(seed: u64) -> Rng {
        // A xorshift never leaves zero, so no seed may lead there.
        Rng(Cell::new(seed ^ 0x9E37_79B9_7F4A_7C15 | 1))
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, each about as likely as the next; 0 if `bound` is 0.
    #[inline]
    pub fn below(&self, bound: u32) -> u32 {
        (((self.next_u64() >> 32) * u64::from(bound)) >> 32) as u32
    }
}
