//! `StreamReader` under random reads, of which some are dropped, against a plain slice of bytes.

use super::support::at_once;
use filch::streams::{ReadError, StreamReader};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Read {
    Some(usize),
    Exactly(usize),
    Line,
    Until(Vec<Vec<u8>>),
}

fn read() -> impl Strategy<Value = Read> {
    let separator = proptest::collection::vec(0..3_u8, 1..3);
    prop_oneof![
        (0..6_usize).prop_map(Read::Some),
        (0..9_usize).prop_map(Read::Exactly),
        Just(Read::Line),
        proptest::collection::vec(separator, 1..3).prop_map(Read::Until),
    ]
}

/// What came of a read: the bytes, or why there are none.
#[derive(Debug, PartialEq)]
enum Outcome {
    Bytes(Vec<u8>),
    Incomplete(Vec<u8>),
    Overrun,
}

fn outcome<B: AsRef<[u8]>>(result: Result<B, ReadError>) -> Outcome {
    match result {
        Ok(bytes) => Outcome::Bytes(bytes.as_ref().to_vec()),
        Err(ReadError::Incomplete(error)) => Outcome::Incomplete(error.partial.to_vec()),
        Err(ReadError::LimitOverrun(_)) => Outcome::Overrun,
        Err(other) => panic!("{other}"),
    }
}

/// The plain reader: `left` is everything that is still to come.
fn plain(left: &mut Vec<u8>, read: &Read, limit: usize) -> Option<Outcome> {
    let take = |left: &mut Vec<u8>, count: usize| left.drain(..count).collect::<Vec<u8>>();
    Some(match read {
        // How much there is at once depends on the pieces: compared as a prefix.
        Read::Some(_) => return None,
        Read::Exactly(count) if *count <= left.len() => Outcome::Bytes(take(left, *count)),
        Read::Exactly(_) => Outcome::Incomplete(std::mem::take(left)),
        Read::Line => match first_end(left, &[b"\n".to_vec()]) {
            Some((start, end)) if start <= limit => Outcome::Bytes(take(left, end)),
            None if left.len() <= limit => Outcome::Bytes(std::mem::take(left)),
            // How much is thrown away depends on the pieces.
            _ => return None,
        },
        Read::Until(separators) => match first_end(left, separators) {
            Some((start, end)) if start <= limit => Outcome::Bytes(take(left, end)),
            Some(_) => Outcome::Overrun,
            None => {
                let longest = separators.iter().map(Vec::len).max().unwrap();
                match (left.len() + 1).saturating_sub(longest) > limit {
                    true => Outcome::Overrun,
                    false => Outcome::Incomplete(std::mem::take(left)),
                }
            }
        },
    })
}

/// Where the separator that ends first begins and ends, the longest of those that end there.
fn first_end(bytes: &[u8], separators: &[Vec<u8>]) -> Option<(usize, usize)> {
    for end in 1..=bytes.len() {
        let longest = separators
            .iter()
            .filter(|separator| bytes[..end].ends_with(separator))
            .max_by_key(|separator| separator.len());
        if let Some(separator) = longest {
            return Some((end - separator.len(), end));
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn reads_that_are_dropped_and_tried_again_are_those_of_a_slice(
        pieces in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(10_u8), 0..3_u8], 1..6), 0..12),
        reads in proptest::collection::vec(read(), 1..12),
        limit in 1..12_usize,
    ) {
        let mut left: Vec<u8> = pieces.concat();
        let (feeder, mut reader) = StreamReader::channel(limit);
        let mut feeder = Some(feeder);
        let mut pieces = pieces.into_iter();
        for read in &reads {
            let read_so = loop {
                let polled = match read {
                    Read::Some(count) => at_once(reader.read(*count)).map(|read| read.map_err(ReadError::Io)),
                    Read::Exactly(count) => at_once(reader.readexactly(*count)),
                    Read::Line => at_once(reader.readline()),
                    Read::Until(separators) => {
                        let separators: Vec<&[u8]> = separators.iter().map(|s| &**s).collect();
                        at_once(reader.readuntil_any(&separators))
                    }
                };
                match (polled, &feeder) {
                    (Some(result), _) => break outcome(result),
                    (None, Some(open)) => match pieces.next() {
                        Some(piece) => open.feed_data(&piece),
                        None => feeder = None,
                    },
                    (None, None) => panic!("a read waits at the end of the stream"),
                }
            };
            let buffered = reader.buffer().len();
            match plain(&mut left, read, limit) {
                Some(expected) => prop_assert_eq!(read_so, expected),
                None => match (read, read_so) {
                    (Read::Some(count), Outcome::Bytes(bytes)) => {
                        prop_assert!(bytes.len() <= *count);
                        prop_assert!(!bytes.is_empty() || *count == 0 || left.is_empty());
                        let expected: Vec<u8> = left.drain(..bytes.len()).collect();
                        prop_assert_eq!(bytes, expected);
                    }
                    (Read::Line, Outcome::Overrun) => {
                        // What is left is a suffix: what is in the buffer, and what is still to be fed.
                        let rest = buffered + pieces.as_slice().iter().map(Vec::len).sum::<usize>();
                        left.drain(..left.len() - rest);
                    }
                    other => prop_assert!(false, "{:?}", other),
                },
            }
        }
    }
}
