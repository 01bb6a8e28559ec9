//! Frames on byte streams: from bytes to messages and back.
//!
//! A [`Decoder`] cuts frames out of a buffer, an [`Encoder`] appends them to one. [`Framed`] puts
//! them onto a byte stream, with buffers that stop growing:
//!
//! ```text
//!  FramedRead ── next ──▶ Decoder ◀── buffer ◀── AsyncRead
//!  FramedWrite ─ send ──▶ Encoder ──▶ buffer ──▶ AsyncWrite
//! ```
//!
//! | name | what |
//! |---|---|
//! | [`LinesCodec`] | lines of text |
//! | [`AnyDelimiterCodec`] | chunks between any of some bytes |
//! | [`LengthDelimitedCodec`] | messages with their length in front |
//! | [`BytesCodec`] | whatever has arrived |
//! | [`Framed`], [`FramedRead`], [`FramedWrite`] | a byte stream with a codec |
//!
//! The counterpart of `tokio_util::codec`. Readers implement `futures_core::Stream`. Instead of a
//! `Sink`, whose crate filch does not depend on, writers have `send`, `feed`, `flush` and `close`,
//! and the polling methods of that trait, of their own.
//!
//! # Peers one does not trust
//!
//! A decoder that waits for the end of a frame makes the buffer grow. So [`LinesCodec`] and
//! [`AnyDelimiterCodec`] take a limit, [`LengthDelimitedCodec`] has one of 8 MiB unless it is told
//! another, and a frame beyond it is an error.
//!
//! # Examples
//!
//! ```
//! use filch::codec::{Framed, LinesCodec};
//! use filch::io::duplex;
//!
//! # #[filch::main]
//! # async fn main() -> Result<(), filch::codec::LinesCodecError> {
//! let (near, far) = duplex(1024);
//! let mut near = Framed::new(near, LinesCodec::new_with_max_length(80));
//! let mut far = Framed::new(far, LinesCodec::new_with_max_length(80));
//! near.send("hello").await?;
//! near.send("world").await?;
//! near.close().await?;
//! while let Some(line) = far.next().await {
//!     println!("{}", line?);
//! }
//! # Ok(())
//! # }
//! ```

mod any_delimiter_codec;
mod bytes_codec;
mod decoder;
mod delimited;
mod encoder;
mod framed;
mod framed_parts;
mod framed_read;
mod framed_write;
pub mod length_delimited;
mod length_delimited_builder;
mod lines_codec;
mod reading;
mod sink;
mod writing;

pub use any_delimiter_codec::{AnyDelimiterCodec, AnyDelimiterCodecError};
pub use bytes_codec::BytesCodec;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use framed::Framed;
pub use framed_parts::FramedParts;
pub use framed_read::FramedRead;
pub use framed_write::FramedWrite;
pub use length_delimited::{LengthDelimitedCodec, LengthDelimitedCodecError};
pub use lines_codec::{LinesCodec, LinesCodecError};

/// How much room a buffer has at first, and how much may wait to be sent.
const BUFFER_SIZE: usize = 8 * 1024;
