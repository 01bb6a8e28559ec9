//! Codecs that look for delimiters: the same frames however the bytes come, limits, bad input.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::io::ErrorKind;

use bytes::BytesMut;
use filch::codec::{
    AnyDelimiterCodec, AnyDelimiterCodecError, Decoder, Encoder, LinesCodec, LinesCodecError,
};
use proptest::prelude::*;

/// What a decoder says of bytes that come in these pieces; a number of bytes that is never
/// exceeded in its buffer.
fn decode<D: Decoder>(
    codec: &mut D,
    pieces: &[&[u8]],
    kept_max: usize,
    show: impl Fn(Result<D::Item, D::Error>) -> String,
) -> Vec<String> {
    let mut buf = BytesMut::new();
    let mut said = Vec::new();
    for piece in pieces {
        buf.extend_from_slice(piece);
        while let Some(frame) = codec.decode(&mut buf).transpose() {
            said.push(show(frame));
        }
        assert!(buf.len() <= kept_max, "{} bytes are kept", buf.len());
    }
    while let Some(frame) = codec.decode_eof(&mut buf).transpose() {
        said.push(show(frame));
    }
    said
}

fn line(line: Result<String, LinesCodecError>) -> String {
    match line {
        Ok(line) => format!("ok {line}"),
        Err(LinesCodecError::MaxLineLengthExceeded) => "too long".to_owned(),
        Err(LinesCodecError::Io(error)) => {
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            "no text".to_owned()
        }
    }
}

/// The lines of bytes that are all there, the simple way.
fn lines_of(input: &[u8], max: usize) -> Vec<String> {
    let mut parts: Vec<&[u8]> = input.split(|&byte| byte == b'\n').collect();
    let last = parts.pop().unwrap();
    // Half an end at the end is no line, but it may be one too many.
    if !last.is_empty() && (last != b"\r" || max == 0) {
        parts.push(last);
    }
    let said = parts.into_iter().map(|part| {
        if part.len() > max {
            return "too long".to_owned();
        }
        match str::from_utf8(part.strip_suffix(b"\r").unwrap_or(part)) {
            Ok(text) => format!("ok {text}"),
            Err(_) => "no text".to_owned(),
        }
    });
    said.collect()
}

/// Cuts bytes at these places.
fn cut<'a>(input: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (input.len() + 1)).collect();
    places.extend([0, input.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

/// What a careless or a wicked peer sends.
const BAD: [&[u8]; 40] = [
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\r",
    b"\r\r\n",
    b"\n\n\n",
    b"\r\r\r",
    b"\0",
    b"\0\n",
    b"a",
    b"a\r",
    b"a\n",
    b"a\r\n",
    b"a\r\nb",
    b"a\rb\n",
    b"\xff",
    b"\xff\n",
    b"\xff\r\n",
    b"a\n\xff",
    b"\xc3",
    b"\xc3\n\xa4",
    b"\xc3\xa4\n",
    b"\xed\xa0\x80\n",
    b"\xf0\x9f\x98\n",
    b"\xc0\x80\n",
    b"\xef\xbb\xbfx\n",
    b"12345\n",
    b"12345\r\n",
    b"123456\n",
    b"123456\r\n",
    b"123456",
    b"12345\r",
    b"1234567890\n1",
    b"1234567890",
    b"12345678901234567890\n\n",
    b"1\n1234567\n1\n",
    b"\r1234\n",
    b"\t\x0b\x0c\x1b\n",
    b"123456\xff\n\xff\n",
];

#[test]
fn bad_lines_are_what_they_are_wherever_they_are_cut() {
    for input in BAD {
        for max in [0, 1, 5, 6, usize::MAX] {
            let expected = lines_of(input, max);
            for place in 0..=input.len() {
                let codec = &mut LinesCodec::new_with_max_length(max);
                let (head, tail) = input.split_at(place);
                assert_eq!(decode(codec, &[head, tail], max, line), expected, "{input:?} {max}");
            }
            let bytes: Vec<_> = input.chunks(1).collect();
            let codec = &mut LinesCodec::new_with_max_length(max);
            assert_eq!(decode(codec, &bytes, max, line), expected, "{input:?} {max} bytewise");
        }
    }
}

#[test]
fn a_line_that_never_ends_is_an_error_once_and_fills_no_memory() {
    let mut codec = LinesCodec::new_with_max_length(1000);
    let piece = [b'x'; 100];
    let pieces = vec![&piece[..]; 100_000];
    assert_eq!(decode(&mut codec, &pieces, 1000, line), ["too long"]);
    assert_eq!(decode(&mut codec, &[b"\nok\n"], 1000, line), ["ok ok"], "it ended at last");
}

proptest! {
    #[test]
    fn lines_are_the_same_however_they_come(
        input in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), Just(0xff), Just(0xc3), Just(0xa4)],
            0..60,
        ),
        places in proptest::collection::vec(any::<usize>(), 0..8),
        max in prop_oneof![0usize..12, Just(usize::MAX)],
    ) {
        let codec = &mut LinesCodec::new_with_max_length(max);
        let said = decode(codec, &cut(&input, &places), max, line);
        prop_assert_eq!(said, lines_of(&input, max));
    }

    #[test]
    fn what_is_sent_as_lines_arrives_as_lines(
        lines in proptest::collection::vec("[^\r\n]{0,20}", 0..10),
        places in proptest::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut codec = LinesCodec::new();
        let mut bytes = BytesMut::new();
        for line in &lines {
            codec.encode(line, &mut bytes).unwrap();
        }
        let said = decode(&mut codec, &cut(&bytes, &places), usize::MAX, line);
        let expected: Vec<_> = lines.iter().map(|line| format!("ok {line}")).collect();
        prop_assert_eq!(said, expected);
    }

    #[test]
    fn chunks_are_the_same_however_they_come(
        input in proptest::collection::vec(0u8..5, 0..60),
        places in proptest::collection::vec(any::<usize>(), 0..8),
        max in prop_oneof![0usize..12, Just(usize::MAX)],
        delimiters in prop_oneof![Just(vec![0]), Just(vec![0, 1]), Just(vec![])],
    ) {
        let mut codec =
            AnyDelimiterCodec::new_with_max_length(delimiters.clone(), b";".to_vec(), max);
        prop_assert_eq!(codec.max_length(), max);
        let said = decode(&mut codec, &cut(&input, &places), max, |chunk| match chunk {
            Ok(chunk) => format!("{chunk:?}"),
            Err(AnyDelimiterCodecError::MaxChunkLengthExceeded) => "too long".to_owned(),
            Err(AnyDelimiterCodecError::Io(error)) => panic!("{error}"),
        });
        let mut parts: Vec<_> = input.split(|byte| delimiters.contains(byte)).collect();
        if parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        let expected = parts.into_iter().map(|part| match part.len() > max {
            true => "too long".to_owned(),
            false => format!("{:?}", bytes::Bytes::copy_from_slice(part)),
        });
        prop_assert_eq!(said, expected.collect::<Vec<_>>());
    }
}

#[test]
fn chunks_are_sent_with_the_sequence_behind() {
    let mut codec = AnyDelimiterCodec::new(b"\n".to_vec(), b"--".to_vec());
    let mut bytes = BytesMut::new();
    codec.encode("a", &mut bytes).unwrap();
    codec.encode(String::from("b"), &mut bytes).unwrap();
    assert_eq!(bytes, b"a--b--"[..]);
    let mut bytes = BytesMut::from(&b"a,b;c\nd\re"[..]);
    let mut codec = AnyDelimiterCodec::default();
    for expected in ["a", "b", "c", "d"] {
        assert_eq!(codec.decode(&mut bytes).unwrap().unwrap(), expected);
    }
    assert!(codec.decode(&mut bytes).unwrap().is_none());
    assert_eq!(codec.decode_eof(&mut bytes).unwrap().unwrap(), "e");
    assert!(codec.decode_eof(&mut bytes).unwrap().is_none());
}

#[test]
fn a_buffer_that_somebody_has_emptied_is_no_reason_to_panic() {
    let mut codec = LinesCodec::new();
    let mut bytes = BytesMut::from(&b"a long beginning"[..]);
    assert!(codec.decode(&mut bytes).unwrap().is_none());
    bytes.clear();
    assert!(codec.decode(&mut bytes).unwrap().is_none());
    bytes.extend_from_slice(b"x\n");
    assert_eq!(codec.decode(&mut bytes).unwrap().unwrap(), "x");
}
