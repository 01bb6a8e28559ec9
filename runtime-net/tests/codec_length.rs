//! Messages with their length in front: every layout, limits, bad input.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::io::ErrorKind;
use std::panic::catch_unwind;

use bytes::{Bytes, BytesMut};
use filch::codec::length_delimited::Builder;
use filch::codec::{Decoder, Encoder, LengthDelimitedCodec, LengthDelimitedCodecError};
use proptest::prelude::*;

/// What comes of bytes in pieces of this size: frames, and at last an error's kind.
fn decode(builder: &Builder, input: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<ErrorKind>) {
    let mut codec = builder.new_codec();
    let mut buf = BytesMut::new();
    let mut frames = Vec::new();
    for piece in input.chunks(piece) {
        buf.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buf) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Some(error.kind())),
            }
        }
    }
    let error = loop {
        match codec.decode_eof(&mut buf) {
            Ok(Some(frame)) => frames.push(frame.to_vec()),
            Ok(None) => break None,
            Err(error) => break Some(error.kind()),
        }
    };
    (frames, error)
}

#[track_caller]
fn check(builder: &Builder, input: &[u8], frames: &[&[u8]], error: Option<ErrorKind>) {
    for piece in 1..=input.len().max(1) {
        let (got, kind) = decode(builder, input, piece);
        assert_eq!(got, frames, "in pieces of {piece}");
        assert_eq!(kind, error, "in pieces of {piece}");
    }
}

const TOO_BIG: Option<ErrorKind> = Some(ErrorKind::InvalidData);
const NO_LENGTH: Option<ErrorKind> = Some(ErrorKind::InvalidInput);
const CUT_OFF: Option<ErrorKind> = Some(ErrorKind::Other);

#[test]
fn good_and_bad_input_in_pieces_of_every_size() {
    let plain = Builder::new();
    check(&plain, b"", &[], None);
    check(&plain, b"\0\0\0\0", &[b""], None);
    check(&plain, b"\0\0\0\x03abc", &[b"abc"], None);
    check(&plain, b"\0\0\0\x03abc\0\0\0\x01d", &[b"abc", b"d"], None);
    check(&plain, b"\0", &[], CUT_OFF);
    check(&plain, b"\0\0\0", &[], CUT_OFF);
    check(&plain, b"\0\0\0\x01", &[], None);
    check(&plain, b"\0\0\0\x05abcd", &[], CUT_OFF);
    check(&plain, b"\0\0\0\x01a\0\0", &[b"a"], CUT_OFF);
    check(&plain, b"\xff\xff\xff\xff", &[], TOO_BIG);
    check(&plain, b"\0\x80\0\x01", &[], TOO_BIG);
    check(&plain, b"\x80\0\0\0abc", &[], TOO_BIG);
    check(&plain, b"\0\0\0\x01a\xff\0\0\0", &[b"a"], TOO_BIG);
    check(&plain, b"GET / HTTP/1.1\r\n\r\n", &[], TOO_BIG);

    let eight = *Builder::new().length_field_type::<u64>().max_frame_length(4);
    check(&eight, b"\0\0\0\0\0\0\0\x04abcd", &[b"abcd"], None);
    check(&eight, b"\0\0\0\0\0\0\0\x05abcde", &[], TOO_BIG);
    check(&eight, &[0xff; 8], &[], TOO_BIG);
    let unlimited = *Builder::new().length_field_length(8).max_frame_length(usize::MAX);
    check(&unlimited, b"\x7f\xff\xff\xff\xff\xff\xff\xffabc", &[], CUT_OFF);
    check(&unlimited, &[0xff; 12], &[], CUT_OFF);
    let over =
        *Builder::new().length_field_length(8).max_frame_length(usize::MAX).length_adjustment(1);
    check(&over, &[0xff; 12], &[], NO_LENGTH);

    let little = *Builder::new().little_endian().length_field_length(3);
    check(&little, b"\x02\0\0ab", &[b"ab"], None);
    check(&little, b"\0\0\x02ab", &[], CUT_OFF);
    let native = *Builder::new().native_endian().length_field_type::<u16>();
    let [first, second] = 2u16.to_ne_bytes();
    check(&native, &[first, second, b'a', b'b'], &[b"ab"], None);

    // The length counts itself.
    let whole = *Builder::new().length_field_length(2).length_adjustment(-2);
    check(&whole, b"\0\x05abc", &[b"abc"], None);
    check(&whole, b"\0\x02", &[b""], None);
    check(&whole, b"\0\x01", &[], NO_LENGTH);
    check(&whole, b"\0\0", &[], NO_LENGTH);
    // The head is wanted, too.
    let kept = *Builder::new().length_field_length(2).length_adjustment(2).num_skip(0);
    check(&kept, b"\0\x03abc\0\0", &[b"\0\x03abc", b"\0\0"], None);
    // Or these would come without end.
    let empty = *Builder::new().length_field_length(2).num_skip(0);
    check(&empty, b"\0\x02\0\0", &[b"\0\x02"], Some(ErrorKind::InvalidData));
    // Something before the length, something behind it.
    let both = *Builder::new()
        .length_field_offset(1)
        .length_field_length(2)
        .length_adjustment(1)
        .num_skip(3);
    check(&both, b"T\0\x02Xab", &[b"Xab"], None);
    let skipped = *Builder::new().length_field_offset(1).length_field_length(1).num_skip(4);
    check(&skipped, b"T\x02XYab", &[b"ab"], None);
    check(&skipped, b"T\x02X", &[], CUT_OFF);
    // Frames up to what the length can announce, even if it counts more than the frame.
    let short = *Builder::new().length_field_length(1).length_adjustment(-5);
    let mut long = vec![255];
    long.extend([b'x'; 250]);
    check(&short, &long, &[&[b'x'; 250]], None);
}

proptest! {
    #[test]
    fn what_is_sent_arrives_in_every_layout(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
        little in any::<bool>(),
        field in 1usize..=8,
        adjustment in -3isize..=0,
        piece in 1usize..50,
    ) {
        let mut builder = Builder::new();
        builder.length_field_length(field).length_adjustment(adjustment);
        if little {
            builder.little_endian();
        }
        let mut codec = builder.new_codec();
        let mut bytes = BytesMut::new();
        for frame in &frames {
            codec.encode(Bytes::copy_from_slice(frame), &mut bytes).unwrap();
        }
        prop_assert_eq!(decode(&builder, &bytes, piece), (frames, None));
    }

    #[test]
    fn whatever_comes_is_no_reason_to_panic_or_to_take_much_memory(
        input in proptest::collection::vec(any::<u8>(), 0..60),
        field in 1usize..=8,
        offset in 0usize..5,
        skip in proptest::option::of(0usize..20),
        adjustment in prop_oneof![-9isize..9, Just(isize::MIN), Just(isize::MAX)],
        limit in prop_oneof![0usize..50, Just(usize::MAX)],
        piece in 1usize..20,
    ) {
        let mut builder = Builder::new();
        builder
            .length_field_length(field)
            .length_field_offset(offset)
            .length_adjustment(adjustment)
            .max_frame_length(limit);
        if let Some(skip) = skip {
            builder.num_skip(skip);
        }
        prop_assert_eq!(take_all(&builder, &input, 60), take_all(&builder, &input, piece));
    }
}

/// The frames, and `None` for an error. Each takes at least a byte off, so they come to an end.
fn take_all(builder: &Builder, input: &[u8], piece: usize) -> Vec<Option<Vec<u8>>> {
    let mut codec = builder.new_codec();
    let mut buf = BytesMut::new();
    let mut said = Vec::new();
    for piece in input.chunks(piece) {
        buf.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buf) {
                Ok(Some(frame)) => said.push(Some(frame.to_vec())),
                Ok(None) => break,
                Err(_) => {
                    said.push(None);
                    return said;
                }
            }
        }
        assert!(buf.capacity() <= 200_000, "{} bytes", buf.capacity());
    }
    said
}

#[test]
fn a_head_alone_costs_no_memory() {
    let mut codec = LengthDelimitedCodec::builder().max_frame_length(1 << 30).new_codec();
    let mut buf = BytesMut::from(&b"\x3f\0\0\0"[..]);
    assert!(codec.decode(&mut buf).unwrap().is_none());
    assert!(buf.capacity() <= 128 * 1024, "{} bytes", buf.capacity());
}

#[test]
fn what_is_too_long_to_send_is_refused_and_nothing_is_sent() {
    let mut bytes = BytesMut::from(&b"before"[..]);
    let mut codec = LengthDelimitedCodec::builder().max_frame_length(3).new_codec();
    let error = codec.encode(Bytes::from_static(b"four"), &mut bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.get_ref().unwrap().is::<LengthDelimitedCodecError>());
    assert_eq!(error.to_string(), "frame size too big");
    codec.set_max_frame_length(4);
    assert_eq!(codec.max_frame_length(), 4);
    codec.encode(Bytes::from_static(b"four"), &mut bytes).unwrap();
    assert_eq!(bytes, b"before\0\0\0\x04four"[..]);

    let mut codec = LengthDelimitedCodec::builder().length_field_length(1).new_codec();
    assert_eq!(codec.max_frame_length(), 255);
    assert!(codec.encode(Bytes::from(vec![0; 256]), &mut bytes).is_err());
    let mut codec = LengthDelimitedCodec::builder().length_adjustment(5).new_codec();
    let error = codec.encode(Bytes::from_static(b"four"), &mut bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(bytes, b"before\0\0\0\x04four"[..]);
    assert_eq!(LengthDelimitedCodec::new().max_frame_length(), 8 * 1024 * 1024);
}

#[test]
fn a_length_of_no_bytes_is_refused() {
    for length in [0, 9] {
        let payload = catch_unwind(|| Builder::new().length_field_length(length).new_codec());
        let payload = payload.unwrap_err();
        assert!(payload.downcast_ref::<&str>().unwrap().contains("1 to 8"));
    }
}
