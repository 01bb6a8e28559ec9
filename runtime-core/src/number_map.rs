//! Maps whose keys are numbers that nobody outside chooses: what is in there is found in a few steps,
//! however much there is.

use std::hash::{BuildHasher, Hasher};

/// A map from numbers. Its order says nothing, though it is the same in each run.
#[allow(clippy::disallowed_types, reason = "the order is not random")]
pub(crate) type NumberMap<K, V> = std::collections::HashMap<K, V, ByNumber>;

/// An empty map.
pub(crate) const fn new<K, V>() -> NumberMap<K, V> {
    NumberMap::with_hasher(ByNumber)
}

/// Spreads numbers, whatever their distance: mostly they come in a row, but those that are kept may be every
/// thousandth.
#[derive(Clone, Copy)]
pub(crate) struct ByNumber;

/// The number, spread.
pub(crate) struct Spread(u64);

impl BuildHasher for ByNumber {
    type Hasher = Spread;

    fn build_hasher(&self) -> Spread {
        Spread(0)
    }
}

impl Hasher for Spread {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a number is written as such");
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // 2^64 over the golden ratio: the high bits of the product depend on all of the number.
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    /// The low bits choose the place, and the highest tell neighbours apart. Both are high ones of the
    /// product.
    #[inline]
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_any_distance_seldom_meet() {
        for shift in 5..30 {
            let place = |number: u64| {
                let mut spread = Spread(0);
                spread.write_u64(number << shift);
                spread.finish() % 2048
            };
            let places: std::collections::BTreeSet<_> = (1..=1024).map(place).collect();
            assert!(places.len() > 512, "{} places at a distance of 2^{shift}", places.len());
        }
    }
}
