//! The options of `#[filch::main]` and `#[filch::test]`.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;

use crate::cursor::Cursor;
use crate::error::{Error, Result};

const KNOWN: &str = "`flavor`, `worker_threads`, `start_paused`, `name`, `cancel_on`, `crate`";
const FLAVORS: &str = "\"multi_thread\", \"current_thread\", \"local\"";
const SIGNALS: &str = "`interrupt`, `terminate`, `hangup`, `quit`";

/// Which kind of runtime drives the function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
    Local,
}

/// What the attribute asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) flavor: Flavor,
    pub(crate) worker_threads: Option<Literal>,
    pub(crate) start_paused: Option<Ident>,
    pub(crate) name: Option<Literal>,
    /// The signals that cancel `main`: constructors of `SignalKind`.
    pub(crate) cancel_on: Vec<Ident>,
    /// The path by which the user's crate knows filch.
    pub(crate) facade: TokenStream,
}

impl Options {
    pub(crate) fn new(flavor: Flavor) -> Options {
        Options {
            flavor,
            worker_threads: None,
            start_paused: None,
            name: None,
            cancel_on: Vec::new(),
            facade: quote_spanned!(Span::call_site()=> ::filch),
        }
    }

    /// Reads `key = value, …`, starting from `self`.
    pub(crate) fn parse(mut self, tokens: TokenStream) -> Result<Options> {
        let mut cursor = Cursor::new(tokens, Span::call_site());
        let mut seen: Vec<Ident> = Vec::new();
        while !cursor.is_empty() {
            let key = take_key(&mut cursor)?;
            if seen.contains(&key) {
                return Err(Error::new(key.span(), format!("option `{key}` is set twice")));
            }
            if !cursor.take_punct('=') {
                let message = format!("expected a value: `{key} = …`");
                return Err(Error::new(key.span(), message));
            }
            let value = Value { tree: take_value(&mut cursor, &key)?, key: key.clone() };
            self.set(value, &mut cursor)?;
            seen.push(key);
            if !cursor.is_empty() && !cursor.take_punct(',') {
                return Err(Error::new(cursor.span(), "expected `,` between options"));
            }
        }
        self.check(&seen)
    }

    fn set(&mut self, value: Value, cursor: &mut Cursor) -> Result<()> {
        match value.key.to_string().as_str() {
            "flavor" => self.flavor = value.flavor()?,
            "worker_threads" => self.worker_threads = Some(value.positive_integer()?),
            "start_paused" => self.start_paused = Some(value.boolean()?),
            "name" => self.name = Some(value.string("a string")?.0),
            "cancel_on" => self.cancel_on = value.signals()?,
            "crate" => self.facade = value.path(cursor)?,
            unknown => {
                let message = format!("unknown option `{unknown}`, expected one of: {KNOWN}");
                return Err(Error::new(value.key.span(), message));
            }
        }
        Ok(())
    }

    /// Refuses options that the chosen flavor has no use for.
    fn check(self, seen: &[Ident]) -> Result<Options> {
        let find = |option: &str| seen.iter().find(|key| *key == option).map(Ident::span);
        match self.flavor {
            Flavor::MultiThread => {
                if let Some(span) = find("start_paused") {
                    let message = "`start_paused` needs a runtime of one thread: set `flavor = \
                                   \"current_thread\"` or `flavor = \"local\"`";
                    return Err(Error::new(span, message));
                }
            }
            Flavor::CurrentThread | Flavor::Local => {
                if let Some(span) = find("worker_threads") {
                    let message = "`worker_threads` needs several threads: set `flavor = \
                                   \"multi_thread\"`";
                    return Err(Error::new(span, message));
                }
            }
        }
        Ok(self)
    }
}

/// One value, and the option that it is for.
struct Value {
    key: Ident,
    tree: TokenTree,
}

impl Value {
    fn flavor(&self) -> Result<Flavor> {
        let (literal, name) = self.string("a string")?;
        match name.as_str() {
            "multi_thread" => Ok(Flavor::MultiThread),
            "current_thread" => Ok(Flavor::CurrentThread),
            "local" => Ok(Flavor::Local),
            _ => {
                let message = format!("unknown flavor {literal}, expected one of: {FLAVORS}");
                Err(Error::new(literal.span(), message))
            }
        }
    }

    fn positive_integer(&self) -> Result<Literal> {
        let TokenTree::Literal(literal) = &self.tree else {
            return Err(self.mismatch("an integer"));
        };
        match integer(&literal.to_string()) {
            Some(0) => Err(Error::new(literal.span(), "`worker_threads` is at least 1")),
            Some(count) => {
                let mut plain = Literal::usize_unsuffixed(count);
                plain.set_span(literal.span());
                Ok(plain)
            }
            None => Err(self.mismatch("an integer")),
        }
    }

    fn boolean(&self) -> Result<Ident> {
        match &self.tree {
            TokenTree::Ident(word) if word == "true" || word == "false" => Ok(word.clone()),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    /// The names in a string such as `"interrupt, terminate"`.
    fn signals(&self) -> Result<Vec<Ident>> {
        let (literal, text) = self.string("a string")?;
        let constructor = |name: &str| match name.trim() {
            name @ ("interrupt" | "terminate" | "hangup" | "quit") => {
                Ok(Ident::new(name, Span::mixed_site()))
            }
            name => {
                let message = format!("unknown signal `{name}`, expected one of: {SIGNALS}");
                Err(Error::new(literal.span(), message))
            }
        };
        text.split(',').map(constructor).collect()
    }

    /// A string literal without escapes, and what is between its quotes.
    fn string(&self, expected: &str) -> Result<(Literal, String)> {
        let TokenTree::Literal(literal) = &self.tree else {
            return Err(self.mismatch(expected));
        };
        let text = literal.to_string();
        let text = text.trim_start_matches('r').trim_matches('#');
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match inside {
            Some(inside) => Ok((literal.clone(), inside.to_owned())),
            None => Err(self.mismatch(expected)),
        }
    }

    /// A path as a string, or as it is.
    fn path(&self, cursor: &mut Cursor) -> Result<TokenStream> {
        if !matches!(self.tree, TokenTree::Literal(_)) {
            let mut path = vec![self.tree.clone()];
            while !cursor.is_empty() && !cursor.is_punct(0, ',') {
                path.extend(cursor.next());
            }
            return self.checked_path(path.into_iter().collect());
        }
        let (literal, text) = self.string("a path")?;
        let path: TokenStream = text.parse().map_err(|_| self.mismatch("a path"))?;
        let at_literal = path.into_iter().map(|mut tree| {
            tree.set_span(literal.span());
            tree
        });
        self.checked_path(at_literal.collect())
    }

    /// `path`, if it is names with `::` between them, as far as tokens can tell.
    fn checked_path(&self, path: TokenStream) -> Result<TokenStream> {
        let trees: Vec<TokenTree> = path.clone().into_iter().collect();
        let is_name = |tree: &TokenTree| matches!(tree, TokenTree::Ident(_));
        let ends_well = trees.last().is_some_and(is_name);
        let in_order = trees.windows(2).all(|pair| match &pair[1] {
            TokenTree::Ident(_) => !is_name(&pair[0]),
            TokenTree::Punct(punct) => punct.as_char() == ':',
            _ => false,
        });
        if ends_well && in_order { Ok(path) } else { Err(self.mismatch("a path")) }
    }

    fn mismatch(&self, expected: &str) -> Error {
        Error::new(self.tree.span(), format!("expected {expected} for `{}`", self.key))
    }
}

fn take_key(cursor: &mut Cursor) -> Result<Ident> {
    let span = cursor.span();
    match cursor.next() {
        Some(TokenTree::Ident(key)) => Ok(key),
        _ => Err(Error::new(span, format!("expected an option: {KNOWN}"))),
    }
}

/// The number that a literal writes down, in whatever base and with whatever type.
fn integer(text: &str) -> Option<usize> {
    const TYPES: [&str; 12] =
        ["usize", "u8", "u16", "u32", "u64", "u128", "isize", "i8", "i16", "i32", "i64", "i128"];
    let text = text.replace('_', "");
    let number = TYPES.iter().find_map(|kind| text.strip_suffix(kind)).unwrap_or(&text);
    let (digits, base) = match number.get(..2) {
        Some("0x") => (&number[2..], 16),
        Some("0o") => (&number[2..], 8),
        Some("0b") => (&number[2..], 2),
        _ => (number, 10),
    };
    usize::from_str_radix(digits, base).ok()
}

/// Takes a value out of the wrapping that a `macro_rules!` on its way here has put around it.
fn take_value(cursor: &mut Cursor, key: &Ident) -> Result<TokenTree> {
    let missing = || Error::new(key.span(), format!("expected a value: `{key} = …`"));
    let mut tree = cursor.next().ok_or_else(missing)?;
    while let TokenTree::Group(group) = &tree {
        if group.delimiter() != Delimiter::None {
            break;
        }
        tree = group.stream().into_iter().next().ok_or_else(missing)?;
    }
    Ok(tree)
}
