//! A walk over a list of tokens, and how far an expression reaches in it.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};

/// A place in a list of tokens.
pub(crate) struct Cursor {
    trees: Vec<TokenTree>,
    at: usize,
    /// Where an error goes when the tokens end too early.
    end: Span,
}

impl Cursor {
    /// Starts at the first of `tokens`; errors behind the last one are shown at `end`.
    pub(crate) fn new(tokens: TokenStream, end: Span) -> Cursor {
        Cursor { trees: tokens.into_iter().collect(), at: 0, end }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.trees.len()
    }

    /// The token `ahead` places from here.
    pub(crate) fn peek(&self, ahead: usize) -> Option<&TokenTree> {
        self.trees.get(self.at + ahead)
    }

    /// The place of the next token, or of the end.
    pub(crate) fn span(&self) -> Span {
        self.peek(0).map_or(self.end, TokenTree::span)
    }

    pub(crate) fn next(&mut self) -> Option<TokenTree> {
        let tree = self.trees.get(self.at).cloned()?;
        self.at += 1;
        Some(tree)
    }

    /// All tokens from here to the end.
    pub(crate) fn rest(&mut self) -> Vec<TokenTree> {
        let rest = self.trees[self.at..].to_vec();
        self.at = self.trees.len();
        rest
    }

    pub(crate) fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek(ahead), Some(TokenTree::Ident(ident)) if ident == word)
    }

    pub(crate) fn is_punct(&self, ahead: usize, sign: char) -> bool {
        matches!(self.peek(ahead), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
    }

    /// Whether the two signs of `pair`, written without a gap, come next.
    pub(crate) fn is_pair(&self, pair: [char; 2]) -> bool {
        self.is_joint(0) && self.is_punct(0, pair[0]) && self.is_punct(1, pair[1])
    }

    /// Whether the token `ahead` is a sign that touches the sign behind it.
    pub(crate) fn is_joint(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), Some(TokenTree::Punct(p)) if p.spacing() == Spacing::Joint)
    }

    /// Takes the next token if it is this sign.
    pub(crate) fn take_punct(&mut self, sign: char) -> bool {
        let found = self.is_punct(0, sign);
        self.at += usize::from(found);
        found
    }

    /// Takes the next two tokens if they are this pair of signs.
    pub(crate) fn take_pair(&mut self, pair: [char; 2]) -> bool {
        let found = self.is_pair(pair);
        self.at += if found { 2 } else { 0 };
        found
    }

    /// Takes the next token if it is a block.
    pub(crate) fn take_block(&mut self) -> Option<Group> {
        let block = block(self.peek(0)?)?;
        self.at += 1;
        Some(block)
    }

    /// Takes tokens up to the `,` or `=>` behind the expression that starts here.
    ///
    /// Commas also stand between generic arguments and between the parameters of a closure. Which
    /// ones those are follows from whether an operand or an operator is expected at `<` and `|`.
    pub(crate) fn expression(&mut self) -> Vec<TokenTree> {
        let start = self.at;
        let mut place = Place::Operand;
        while !self.is_empty() && !self.is_punct(0, ',') && !self.is_pair(['=', '>']) {
            place = self.step(place);
        }
        self.trees[start..self.at].to_vec()
    }

    /// Passes one piece of an expression and says what may come after it.
    fn step(&mut self, place: Place) -> Place {
        if self.take_pair(['-', '>']) {
            return Place::Type;
        }
        if place == Place::Operator && (self.take_pair(['|', '|']) || self.take_pair(['<', '<'])) {
            return Place::Operand;
        }
        if place == Place::Operand && self.is_punct(0, '|') {
            self.closure_parameters();
            return Place::Operand;
        }
        if place != Place::Operator && self.is_punct(0, '<') {
            self.generic_arguments();
            return place.behind_name();
        }
        match self.next() {
            Some(TokenTree::Ident(word)) if word == "as" => Place::Type,
            Some(TokenTree::Ident(word)) if expects_operand(&word.to_string()) => {
                if place.is_type() { Place::Type } else { Place::Operand }
            }
            Some(TokenTree::Ident(_)) => place.behind_name(),
            Some(TokenTree::Punct(punct)) => place.behind_sign(punct.as_char()),
            _ => Place::Operator,
        }
    }

    fn closure_parameters(&mut self) {
        self.next();
        while !self.is_empty() && !self.take_punct('|') {
            self.next();
        }
    }

    /// Takes tokens from the `<` here to the `>` that closes it.
    pub(crate) fn generic_arguments(&mut self) -> Vec<TokenTree> {
        let start = self.at;
        let mut depth = 0_usize;
        while !self.is_empty() {
            if self.take_pair(['-', '>']) {
                continue;
            }
            if self.is_punct(0, '<') {
                depth += 1;
            } else if self.is_punct(0, '>') {
                depth -= 1;
            }
            self.next();
            if depth == 0 {
                break;
            }
        }
        self.trees[start..self.at].to_vec()
    }
}

/// The block `{ … }` that this token is, be it wrapped by a `macro_rules!` on its way here.
pub(crate) fn block(tree: &TokenTree) -> Option<Group> {
    let TokenTree::Group(group) = tree else { return None };
    match group.delimiter() {
        Delimiter::Brace => Some(group.clone()),
        Delimiter::None => {
            let mut inside = group.stream().into_iter();
            let first = inside.next()?;
            if inside.next().is_some() { None } else { block(&first) }
        }
        _ => None,
    }
}

/// What the grammar expects at a place inside an expression.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// A value: `|` starts a closure, `<` a qualified path or generic arguments.
    Operand,
    /// An operator, or the end: `|` and `<` are operators.
    Operator,
    /// A type, behind `as` or `->`: `<` starts generic arguments.
    Type,
    /// The end of a type or more of it: `<` starts generic arguments, an operator ends the type.
    TypeEnd,
}

impl Place {
    fn is_type(self) -> bool {
        matches!(self, Place::Type | Place::TypeEnd)
    }

    fn behind_name(self) -> Place {
        if self.is_type() { Place::TypeEnd } else { Place::Operator }
    }

    fn behind_sign(self, sign: char) -> Place {
        match (self, sign) {
            (Place::Type, _) | (Place::TypeEnd, ':') => Place::Type,
            (_, '?') => Place::Operator,
            _ => Place::Operand,
        }
    }
}

fn expects_operand(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "async", "break", "const", "dyn", "else", "if", "in", "let", "match", "move", "mut", "ref",
        "return", "static", "unsafe", "while", "yield",
    ];
    WORDS.contains(&word)
}
