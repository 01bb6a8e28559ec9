//! `Builder`: the layouts that a `LengthDelimitedCodec` knows.

use super::length_delimited::LengthDelimitedCodec;
use super::{Framed, FramedRead, FramedWrite};
use crate::io::{AsyncRead, AsyncWrite};

/// The limit unless it is told another.
const FRAME_MAX: usize = 8 * 1024 * 1024;

/// A layout of messages with their length in front; makes a [`LengthDelimitedCodec`].
///
/// # Examples
///
/// A type of two bytes, a length of three that counts the whole message, and then what the message
/// says. The type is wanted as well:
///
/// ```
/// use filch::codec::LengthDelimitedCodec;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut frames = LengthDelimitedCodec::builder()
///     .length_field_offset(2)
///     .length_field_length(3)
///     .length_adjustment(0)
///     .num_skip(0)
///     .max_frame_length(1024)
///     .new_read(&b"AB\0\0\x07hi"[..]);
/// assert_eq!(frames.next().await.unwrap()?, "AB\0\0\x07hi");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Builder {
    /// The limit of the announced length, before its adjustment.
    pub(super) announced_max: usize,
    /// The same, or the largest frame that can be announced. The limit of frames that are sent.
    pub(super) frame_max: usize,
    pub(super) field_length: usize,
    pub(super) field_offset: usize,
    /// What is added to the announced length to get that of the frame.
    pub(super) adjustment: isize,
    /// How many bytes are no part of the frame, if not all up to the end of the field.
    skip: Option<usize>,
    pub(super) big_endian: bool,
}

impl Builder {
    /// Four bytes of length with the most significant one first, then the frame, of 8 MiB at most.
    pub fn new() -> Builder {
        Builder {
            announced_max: FRAME_MAX,
            frame_max: FRAME_MAX,
            field_length: 4,
            field_offset: 0,
            adjustment: 0,
            skip: None,
            big_endian: true,
        }
    }

    /// The most significant byte of the length comes first, as it does unless told otherwise.
    pub fn big_endian(&mut self) -> &mut Builder {
        self.big_endian = true;
        self
    }

    /// The least significant byte of the length comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::LengthDelimitedCodec;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut frames = LengthDelimitedCodec::builder()
    ///     .little_endian()
    ///     .length_field_type::<u16>()
    ///     .new_read(&b"\x02\0hi"[..]);
    /// assert_eq!(frames.next().await.unwrap()?, "hi");
    /// # Ok(())
    /// # }
    /// ```
    pub fn little_endian(&mut self) -> &mut Builder {
        self.big_endian = false;
        self
    }

    /// The bytes of the length come as they lie in the memory of this machine.
    pub fn native_endian(&mut self) -> &mut Builder {
        self.big_endian = cfg!(target_endian = "big");
        self
    }

    /// The largest length that may be announced, before its adjustment, and the largest frame that
    /// may be sent. No larger than what the length's bytes can say.
    pub fn max_frame_length(&mut self, val: usize) -> &mut Builder {
        self.announced_max = val;
        self.limit();
        self
    }

    /// As many bytes of length as `T` has.
    pub fn length_field_type<T: LengthFieldType>(&mut self) -> &mut Builder {
        self.length_field_length(size_of::<T>())
    }

    /// How many bytes of length there are.
    ///
    /// # Panics
    ///
    /// Unless there are 1 to 8.
    #[track_caller]
    pub fn length_field_length(&mut self, val: usize) -> &mut Builder {
        assert!((1..=8).contains(&val), "invalid length field length: it must be 1 to 8 bytes");
        self.field_length = val;
        self.limit();
        self
    }

    /// How many bytes come before the length.
    pub fn length_field_offset(&mut self, val: usize) -> &mut Builder {
        self.field_offset = val;
        self
    }

    /// What is added to the announced length to know how many bytes come after those that are
    /// skipped.
    pub fn length_adjustment(&mut self, val: isize) -> &mut Builder {
        self.adjustment = val;
        self.limit();
        self
    }

    /// How many bytes at the front are no part of the frame: all up to the end of the length unless
    /// told otherwise.
    pub fn num_skip(&mut self, val: usize) -> &mut Builder {
        self.skip = Some(val);
        self
    }

    /// A codec for this layout.
    pub fn new_codec(&self) -> LengthDelimitedCodec {
        LengthDelimitedCodec::from_builder(*self)
    }

    /// A byte stream as a stream of frames of this layout.
    pub fn new_read<T: AsyncRead>(&self, upstream: T) -> FramedRead<T, LengthDelimitedCodec> {
        FramedRead::new(upstream, self.new_codec())
    }

    /// Frames of this layout onto a byte stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::codec::LengthDelimitedCodec;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut frames = LengthDelimitedCodec::builder()
    ///     .length_field_type::<u16>()
    ///     .new_write(Vec::new());
    /// frames.send("hi".into()).await?;
    /// assert_eq!(frames.get_ref(), b"\0\x02hi");
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_write<T: AsyncWrite>(&self, inner: T) -> FramedWrite<T, LengthDelimitedCodec> {
        FramedWrite::new(inner, self.new_codec())
    }

    /// Frames of this layout in both directions.
    pub fn new_framed<T: AsyncRead + AsyncWrite>(
        &self,
        inner: T,
    ) -> Framed<T, LengthDelimitedCodec> {
        Framed::new(inner, self.new_codec())
    }

    /// How many bytes must be there before the length is known.
    pub(super) fn head(&self) -> usize {
        self.skip().max(self.field_offset + self.field_length)
    }

    /// How many bytes at the front are no part of the frame.
    pub(super) fn skip(&self) -> usize {
        self.skip.unwrap_or(self.field_offset + self.field_length)
    }

    /// Keeps frames that are sent to what the length's bytes can say.
    fn limit(&mut self) {
        let sayable = u64::MAX >> (64 - 8 * self.field_length);
        let sayable = usize::try_from(sayable).unwrap_or(usize::MAX);
        let longest = sayable.saturating_add_signed(self.adjustment);
        self.frame_max = self.announced_max.min(longest);
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

/// A number that [`length_field_type`](Builder::length_field_type) takes the size of.
pub trait LengthFieldType: sealed::Sealed {}

mod sealed {
    /// Keeps the types to those that are here.
    pub trait Sealed {}
}

macro_rules! length_field_types {
    ($($number:ident)*) => {$(
        impl sealed::Sealed for $number {}
        impl LengthFieldType for $number {}
    )*};
}

length_field_types!(u8 u16 u32 u64 usize);
