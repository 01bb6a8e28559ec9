//! What is wrong with a macro's input, and where.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// A message for the user, shown under the tokens from `start` to `end`.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) message: String,
    start: Span,
    end: Span,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error under the one token at `span`.
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Error {
        Error::between(span, span, message)
    }

    /// An error under all tokens from the one at `start` to the one at `end`.
    pub(crate) fn between(start: Span, end: Span, message: impl Into<String>) -> Error {
        Error { message: message.into(), start, end }
    }

    /// Tokens that make the compiler report this error.
    ///
    /// The compiler underlines from the first token of the call to its last one, so that the two
    /// spans together say how far the line under the source goes.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let message = self.message;
        let arguments = quote_spanned!(self.end=> { #message });
        quote_spanned!(self.start=> ::core::compile_error! #arguments)
    }
}
