//! Numbers on streams.

use std::io::ErrorKind;
use std::pin::pin;
use std::task::Poll;

use filch::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Narrow, Slow, once};

/// Writes a number to a narrow stream and reads it from a slow one.
macro_rules! there_and_back {
    ($($number:ident, $write:ident, $read:ident, $to:ident;)*) => {$(
        for number in [$number::MIN, $number::MAX, 1 as $number, 77 as $number] {
            let mut writer = Narrow::new(100);
            writer.$write(number).await.unwrap();
            assert_eq!(writer.bytes, number.$to(), stringify!($write));
            let back = Slow::new(&writer.bytes).$read().await.unwrap();
            assert!(back == number, stringify!($read));
        }
    )*};
}

#[filch::test]
async fn every_number_goes_there_and_back() {
    there_and_back! {
        u8, write_u8, read_u8, to_be_bytes;
        i8, write_i8, read_i8, to_be_bytes;
        u16, write_u16, read_u16, to_be_bytes;
        i16, write_i16, read_i16, to_be_bytes;
        u32, write_u32, read_u32, to_be_bytes;
        i32, write_i32, read_i32, to_be_bytes;
        u64, write_u64, read_u64, to_be_bytes;
        i64, write_i64, read_i64, to_be_bytes;
        u128, write_u128, read_u128, to_be_bytes;
        i128, write_i128, read_i128, to_be_bytes;
        f32, write_f32, read_f32, to_be_bytes;
        f64, write_f64, read_f64, to_be_bytes;
        u16, write_u16_le, read_u16_le, to_le_bytes;
        i16, write_i16_le, read_i16_le, to_le_bytes;
        u32, write_u32_le, read_u32_le, to_le_bytes;
        i32, write_i32_le, read_i32_le, to_le_bytes;
        u64, write_u64_le, read_u64_le, to_le_bytes;
        i64, write_i64_le, read_i64_le, to_le_bytes;
        u128, write_u128_le, read_u128_le, to_le_bytes;
        i128, write_i128_le, read_i128_le, to_le_bytes;
        f32, write_f32_le, read_f32_le, to_le_bytes;
        f64, write_f64_le, read_f64_le, to_le_bytes;
    }
}

#[filch::test]
async fn a_number_that_is_cut_off_is_an_error() {
    for length in 0..8 {
        let bytes = vec![1; length];
        let error = Slow::new(&bytes).read_u64().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let error = Narrow::new(length).write_u64(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }
}

#[filch::test]
async fn a_number_that_comes_in_pieces_is_waited_for() {
    let mut stream = Slow::new(&[1, 2, 3, 4]);
    let mut reading = pin!(stream.read_u32());
    for _ in 0..4 {
        assert_eq!(once(reading.as_mut()).await.map(Result::ok), Poll::Pending);
    }
    assert_eq!(once(reading).await.map(Result::ok), Poll::Ready(Some(0x0102_0304)));
}
