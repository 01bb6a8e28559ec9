//! The outline of a function: what stands around its name and its body.
//!
//! This is all that the attribute macros must know of it. The types and the body in between stay
//! the tokens they are, with their places in the user's file.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use crate::cursor::{Cursor, block};
use crate::error::{Error, Result};

/// A function, in pieces.
pub(crate) struct Function {
    /// Outer attributes, each `#` followed by `[…]`, with the body's inner ones made into such.
    pub(crate) attributes: Vec<Attribute>,
    visibility: TokenStream,
    /// `const`, `async`, `unsafe`, `extern "…"`, as they are written.
    qualifiers: Vec<TokenTree>,
    fn_token: Ident,
    pub(crate) name: Ident,
    generics: TokenStream,
    pub(crate) arguments: Group,
    /// `-> type where …`, or nothing.
    output: TokenStream,
    body: Group,
}

/// What is inside the brackets of an attribute.
pub(crate) struct Attribute(pub(crate) Group);

impl Function {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Function> {
        let mut cursor = Cursor::new(tokens, Span::call_site());
        let mut attributes = take_attributes(&mut cursor);
        let visibility = take_visibility(&mut cursor);
        let (qualifiers, fn_token) = take_qualifiers(&mut cursor)?;
        let Some(TokenTree::Ident(name)) = cursor.next() else {
            return Err(not_a_function(fn_token.span()));
        };
        let generics = take_until_arguments(&mut cursor);
        let Some(TokenTree::Group(arguments)) = cursor.next() else {
            return Err(not_a_function(name.span()));
        };
        let mut output = cursor.rest();
        let Some(body) = output.pop().as_ref().and_then(block) else {
            return Err(Error::new(name.span(), "expected a function with a body"));
        };
        let body = hoist_inner_attributes(body, &mut attributes);
        let output = output.into_iter().collect();
        Ok(Function {
            attributes,
            visibility,
            qualifiers,
            fn_token,
            name,
            generics,
            arguments,
            output,
            body,
        })
    }

    pub(crate) fn is_async(&self) -> bool {
        self.qualifiers.iter().any(is_async)
    }

    /// The place from `fn`, or a qualifier before it, to the name.
    pub(crate) fn head(&self) -> (Span, Span) {
        let start = self.qualifiers.first().map_or(self.fn_token.span(), TokenTree::span);
        (start, self.name.span())
    }

    /// The same function without its attributes and visibility.
    pub(crate) fn bare(&self) -> TokenStream {
        let qualifiers = &self.qualifiers;
        let Function { fn_token, name, generics, arguments, output, body, .. } = self;
        quote!(#(#qualifiers)* #fn_token #name #generics #arguments #output #body)
    }

    /// The body as a future that owns what it uses of the arguments.
    pub(crate) fn block(&self) -> TokenStream {
        let body = &self.body;
        quote!(async move #body)
    }

    /// A function of this signature around `body`, but not async.
    pub(crate) fn enclosing(&self, body: TokenStream) -> TokenStream {
        let qualifiers = self.qualifiers.iter().filter(|qualifier| !is_async(qualifier));
        let Function {
            attributes, visibility, fn_token, name, generics, arguments, output, ..
        } = self;
        quote! {
            #(#attributes)* #visibility #(#qualifiers)* #fn_token #name #generics #arguments #output {
                #body
            }
        }
    }

    /// A function of this name around `body` that has no result.
    pub(crate) fn enclosing_without_output(&self, body: TokenStream) -> TokenStream {
        let Function { attributes, visibility, fn_token, name, .. } = self;
        quote!(#(#attributes)* #visibility #fn_token #name() { #body })
    }
}

impl Attribute {
    /// Whether this is `#[test]`, by whichever path of the standard library.
    pub(crate) fn is_test(&self) -> bool {
        let path: String =
            self.0.stream().into_iter().map(|tree| tree.to_string()).collect::<Vec<_>>().concat();
        let path = path.trim_start_matches("::");
        let inside = path.strip_prefix("core::prelude::").or(path.strip_prefix("std::prelude::"));
        match inside {
            Some(rest) => rest.ends_with("::test") && !rest.contains('('),
            None => path == "test",
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.0.span()
    }
}

impl ToTokens for Attribute {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Attribute(group) = self;
        tokens.extend(quote!(# #group));
    }
}

fn take_attributes(cursor: &mut Cursor) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    while let (true, Some(TokenTree::Group(group))) = (cursor.is_punct(0, '#'), cursor.peek(1)) {
        attributes.push(Attribute(group.clone()));
        cursor.next();
        cursor.next();
    }
    attributes
}

fn take_visibility(cursor: &mut Cursor) -> TokenStream {
    let mut visibility = TokenStream::new();
    if let Some(TokenTree::Group(group)) = cursor.peek(0)
        && group.delimiter() == Delimiter::None
    {
        // What a `macro_rules!` has matched as `$vis:vis`.
        visibility.extend(cursor.next());
    } else if cursor.is_word(0, "pub") {
        visibility.extend(cursor.next());
        if matches!(cursor.peek(0), Some(TokenTree::Group(_))) {
            visibility.extend(cursor.next());
        }
    }
    visibility
}

fn take_qualifiers(cursor: &mut Cursor) -> Result<(Vec<TokenTree>, Ident)> {
    let mut qualifiers = Vec::new();
    loop {
        let span = cursor.span();
        match cursor.next() {
            Some(TokenTree::Ident(word)) if word == "fn" => return Ok((qualifiers, word)),
            Some(TokenTree::Ident(word)) if is_qualifier(&word) => qualifiers.push(word.into()),
            Some(TokenTree::Literal(abi)) => qualifiers.push(abi.into()),
            _ => return Err(not_a_function(span)),
        }
    }
}

fn is_qualifier(word: &Ident) -> bool {
    ["const", "async", "unsafe", "safe", "extern"].iter().any(|known| word == known)
}

fn is_async(qualifier: &TokenTree) -> bool {
    matches!(qualifier, TokenTree::Ident(word) if word == "async")
}

/// Takes generic parameters, if there are any; `Fn(A)` in their bounds stands inside `<…>`.
fn take_until_arguments(cursor: &mut Cursor) -> TokenStream {
    let mut generics = TokenStream::new();
    let mut depth = 0_usize;
    loop {
        match cursor.peek(0) {
            Some(TokenTree::Group(_)) if depth == 0 => return generics,
            None => return generics,
            _ => {}
        }
        if cursor.is_pair(['-', '>']) {
            generics.extend(cursor.next());
        } else if cursor.is_punct(0, '<') {
            depth += 1;
        } else if cursor.is_punct(0, '>') {
            depth = depth.saturating_sub(1);
        }
        generics.extend(cursor.next());
    }
}

/// Moves `#![…]` from the start of the body to the function: its body becomes that of another.
fn hoist_inner_attributes(body: Group, attributes: &mut Vec<Attribute>) -> Group {
    let mut cursor = Cursor::new(body.stream(), body.span());
    let mut found = false;
    while let (true, true, Some(TokenTree::Group(group))) =
        (cursor.is_punct(0, '#'), cursor.is_punct(1, '!'), cursor.peek(2))
    {
        attributes.push(Attribute(group.clone()));
        found = true;
        for _ in 0..3 {
            cursor.next();
        }
    }
    if !found {
        return body;
    }
    let mut rest = Group::new(Delimiter::Brace, cursor.rest().into_iter().collect());
    rest.set_span(body.span());
    rest
}

fn not_a_function(span: Span) -> Error {
    Error::new(span, "this attribute is for an `async fn`")
}
