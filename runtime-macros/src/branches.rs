//! The grammar of `select!`: branches, their preconditions, and `else`.

use proc_macro2::{Group, Span, TokenStream, TokenTree};

use crate::cursor::Cursor;
use crate::error::{Error, Result};

/// As many branches as the mask of disabled ones has bits.
pub(crate) const BRANCHES_MAX: usize = 64;

/// What stands between the braces of a `select!`.
pub(crate) struct Select {
    /// Whether branches are polled in the order they are written in.
    pub(crate) biased: bool,
    pub(crate) branches: Vec<Branch>,
    /// What runs when all branches are disabled.
    pub(crate) otherwise: Option<TokenStream>,
}

/// `pattern = future, if precondition => handler`
pub(crate) struct Branch {
    pub(crate) pattern: TokenStream,
    pub(crate) future: TokenStream,
    pub(crate) precondition: Option<TokenStream>,
    pub(crate) handler: TokenStream,
}

impl Select {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Select> {
        let mut cursor = Cursor::new(tokens, Span::call_site());
        let biased = take_biased(&mut cursor);
        let mut select = Select { biased, branches: Vec::new(), otherwise: None };
        while !cursor.is_empty() {
            select.parse_branch(&mut cursor)?;
        }
        if select.branches.is_empty() && select.otherwise.is_none() {
            return Err(Error::new(Span::call_site(), "`select!` needs at least one branch"));
        }
        Ok(select)
    }

    fn parse_branch(&mut self, cursor: &mut Cursor) -> Result<()> {
        let start = cursor.span();
        if self.otherwise.is_some() {
            return Err(Error::new(start, "nothing may follow the `else` branch"));
        }
        if is_else(cursor) {
            cursor.next();
            cursor.take_pair(['=', '>']);
            self.otherwise = Some(handler(cursor)?);
            return Ok(());
        }
        if self.branches.len() == BRANCHES_MAX {
            let message = format!("`select!` takes at most {BRANCHES_MAX} branches");
            return Err(Error::new(start, message));
        }
        self.branches.push(branch(cursor)?);
        Ok(())
    }
}

fn take_biased(cursor: &mut Cursor) -> bool {
    let found = cursor.is_word(0, "biased") && cursor.is_punct(1, ';');
    if found {
        cursor.next();
        cursor.next();
    }
    found
}

fn is_else(cursor: &Cursor) -> bool {
    cursor.is_word(0, "else")
        && cursor.is_punct(1, '=')
        && cursor.is_joint(1)
        && cursor.is_punct(2, '>')
}

fn branch(cursor: &mut Cursor) -> Result<Branch> {
    let pattern = pattern(cursor)?;
    let future = operand(cursor, "expected a future after `=`")?;
    let precondition = precondition(cursor)?;
    if !cursor.take_pair(['=', '>']) {
        return Err(Error::new(cursor.span(), "expected `=>` and a handler for this branch"));
    }
    Ok(Branch { pattern, future, precondition, handler: handler(cursor)? })
}

/// Takes the tokens up to a `=` that stands alone, and the `=`.
fn pattern(cursor: &mut Cursor) -> Result<TokenStream> {
    let start = cursor.span();
    let mut pattern = Vec::new();
    // In `..=` and the like, the sign before belongs to the `=`.
    let mut joint = false;
    while !cursor.is_empty() && !cursor.is_pair(['=', '>']) && !cursor.is_punct(0, ',') {
        if !joint && cursor.is_punct(0, '=') && !cursor.is_pair(['=', '=']) {
            if pattern.is_empty() {
                return Err(Error::new(cursor.span(), "expected a pattern before `=`"));
            }
            cursor.next();
            return Ok(pattern.into_iter().collect());
        }
        joint = cursor.is_joint(0);
        if cursor.is_punct(0, '<') {
            pattern.extend(cursor.generic_arguments());
        } else {
            pattern.extend(cursor.next());
        }
    }
    let end = pattern.last().map_or(start, TokenTree::span);
    Err(Error::between(start, end, "expected a branch: `pattern = future => handler`"))
}

fn precondition(cursor: &mut Cursor) -> Result<Option<TokenStream>> {
    if !cursor.is_punct(0, ',') {
        return Ok(None);
    }
    if !cursor.is_word(1, "if") {
        let message = "expected `=> handler` or `, if precondition => handler` after the future";
        return Err(Error::new(cursor.span(), message));
    }
    cursor.next();
    cursor.next();
    operand(cursor, "expected a precondition after `if`").map(Some)
}

fn operand(cursor: &mut Cursor, expected: &str) -> Result<TokenStream> {
    let start = cursor.span();
    let expression = cursor.expression();
    if expression.is_empty() {
        return Err(Error::new(start, expected));
    }
    Ok(expression.into_iter().collect())
}

/// Takes a block with or without a comma, or an expression with one; the last comma may be missing.
fn handler(cursor: &mut Cursor) -> Result<TokenStream> {
    if let Some(block) = cursor.take_block() {
        cursor.take_punct(',');
        return Ok(block_tokens(block));
    }
    let handler = operand(cursor, "expected a handler after `=>`")?;
    if !cursor.is_empty() && !cursor.take_punct(',') {
        let message =
            "expected `,` before this branch: a handler that is not a block ends with one";
        return Err(Error::new(cursor.span(), message));
    }
    Ok(handler)
}

fn block_tokens(block: Group) -> TokenStream {
    TokenTree::Group(block).into()
}
