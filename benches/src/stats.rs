//! Medians, quartiles and percentiles of a handful of samples.

/// What a row's samples come to on one peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Summary {
    /// Median and quartiles of `samples`; `None` without a finite one.
    pub(crate) fn of(samples: &[f64]) -> Option<Summary> {
        let mut finite: Vec<f64> = samples.iter().copied().filter(|x| x.is_finite()).collect();
        if finite.is_empty() {
            return None;
        }
        finite.sort_by(f64::total_cmp);
        Some(Summary {
            median: quantile(&finite, 0.5),
            low: quantile(&finite, 0.25),
            high: quantile(&finite, 0.75),
        })
    }

    /// The interquartile range in percent of the median.
    pub(crate) fn spread(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.high - self.low) / self.median.abs() * 100.0 }
    }
}

/// The ratio of two peers round by round, so that what slows a whole round down cancels out.
pub(crate) fn ratio(base: &[f64], peer: &[f64]) -> Option<Summary> {
    let each: Vec<f64> = base
        .iter()
        .zip(peer)
        .map(|(b, p)| match (*b == 0.0, *p == 0.0) {
            (true, true) => 1.0,
            (false, true) => f64::NAN,
            _ => b / p,
        })
        .collect();
    Summary::of(&each)
}

/// The `q` quantile of sorted numbers, interpolated between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (below, part) = (at.floor() as usize, at.fract());
    match sorted.get(below + 1) {
        Some(above) => sorted[below] * (1.0 - part) + above * part,
        None => sorted[below],
    }
}

/// The `q` percentile (0 to 1) of many measured nanoseconds, by rank; NaN without any.
pub(crate) fn percentile(nanos: &mut [u32], q: f64) -> f64 {
    if nanos.is_empty() {
        return f64::NAN;
    }
    let rank = ((nanos.len() as f64 * q) as usize).min(nanos.len() - 1);
    f64::from(*nanos.select_nth_unstable(rank).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let s = Summary::of(&[4.0, 1.0, 3.0, 2.0, f64::NAN]).unwrap();
        assert_eq!((s.low, s.median, s.high), (1.75, 2.5, 3.25));
        assert!(Summary::of(&[f64::NAN]).is_none());
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let r = ratio(&[1.0, 10.0, 2.0], &[2.0, 20.0, 4.0]).unwrap();
        assert_eq!((r.low, r.median, r.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn nothing_is_as_much_as_nothing_and_no_part_of_it() {
        assert_eq!(ratio(&[0.0], &[0.0]).unwrap().median, 1.0);
        assert!(ratio(&[1.0], &[0.0]).is_none_or(|r| r.median.is_nan()));
    }

    #[test]
    fn percentiles_are_taken_by_rank() {
        let mut n: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut n, 0.5), 51.0);
        assert_eq!(percentile(&mut n, 0.99), 100.0);
    }
}
