//! Writes the code of a `select!`.
//!
//! ```text
//! {
//!     enum __FilchSelect<T0, T1> { B0(T0), B1(T1), Disabled }
//!     let output = {
//!         let mut disabled = 0;                        // a bit per branch
//!         /* preconditions */
//!         let e0 = …; let e1 = …;                      // what they borrow lives as long as they do
//!         let mut f1 = pin!(e1.into_future()); let mut f0 = pin!(e0.into_future());
//!         poll_fn(move |cx| /* poll in turn, from a random start */).await
//!     };                                               // all futures are dropped here, the first one first
//!     match output { B0(pattern) => handler, B1(pattern) => handler, Disabled => otherwise }
//! }
//! ```
//!
//! Local names have the hygiene of `macro_rules!`. The name of the enum does not, hence its look.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote_spanned};

use crate::branches::{Branch, Select};
use crate::cursor::Cursor;
use crate::error::Result;

/// Expands `<path of the facade> { branches }`.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let mut cursor = Cursor::new(tokens, Span::call_site());
    let mut facade = cursor.rest();
    let branches = match facade.pop() {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => TokenStream::new(),
    };
    match write(facade.into_iter().collect(), branches) {
        Ok(code) => code,
        Err(error) => error.into_tokens(),
    }
}

fn write(facade: TokenStream, branches: TokenStream) -> Result<TokenStream> {
    let select = Select::parse(branches)?;
    Ok(Writer { facade, site: Span::mixed_site() }.select(&select))
}

struct Writer {
    /// The path of the crate whose `__private` module has what the code needs.
    facade: TokenStream,
    site: Span,
}

impl Writer {
    fn select(&self, select: &Select) -> TokenStream {
        let (site, facade) = (self.site, &self.facade);
        let otherwise = match &select.otherwise {
            Some(handler) if select.branches.is_empty() => return handler.clone(),
            Some(handler) => handler.clone(),
            None => quote_spanned!(site=> #facade::__private::all_branches_disabled()),
        };
        let types = self.names("T", select);
        let variants = self.names("B", select);
        let patterns = select.branches.iter().map(|branch| &branch.pattern);
        let handlers = select.branches.iter().map(|branch| &branch.handler);
        let race = self.race(select);
        quote_spanned! {site=> {
            enum __FilchSelect<#(#types),*> {
                #(#variants(#types),)*
                Disabled,
            }
            #[allow(unused_mut)]
            let mut output = #race;
            match output {
                #(
                    #[allow(clippy::ignored_unit_patterns)]
                    __FilchSelect::#variants(#patterns) => #handlers,
                )*
                __FilchSelect::Disabled => #otherwise,
                #[allow(unreachable_patterns)]
                _ => #facade::__private::pattern_changed_its_mind(),
            }
        }}
    }

    /// A block that waits for the first branch and drops the futures.
    fn race(&self, select: &Select) -> TokenStream {
        let (site, facade) = (self.site, &self.facade);
        let mask = format_ident!("u{}", mask_bits(select.branches.len()), span = site);
        let futures = self.names("f", select);
        let names = self.names("e", select);
        let expressions = select.branches.iter().map(|branch| &branch.future);
        // What is declared last is dropped first.
        let backwards = futures.iter().zip(select.branches.iter().zip(&names)).rev();
        let pins = backwards.map(|(future, (branch, name))| {
            let conversion = self.future(branch, name);
            quote_spanned!(site=> let mut #future = #facade::__private::pin!(#conversion);)
        });
        let preconditions = self.preconditions(select);
        let poll = self.poll(select);
        quote_spanned! {site=> {
            let mut disabled: #mask = 0;
            #preconditions
            // As the whole of a `let`, `&mut expression` borrows what lives to the end of the block; as
            // an argument, what is gone at the semicolon. Parentheses around it are there to be read.
            #(#[allow(unused_parens, unused_braces)] let #names = #expressions;)*
            #(#pins)*
            let output = #facade::__private::poll_fn(move |cx| #poll).await;
            output
        }}
    }

    fn future(&self, branch: &Branch, name: &Ident) -> TokenStream {
        let (place, facade) = self.place_of(branch);
        let mut name = name.clone();
        name.set_span(place);
        quote_spanned!(place=> #facade::__private::IntoFuture::into_future(#name))
    }

    /// Where the compiler reports that a branch waits for something that is not a future; and the
    /// path of the facade, as if it were written there.
    fn place_of(&self, branch: &Branch) -> (Span, TokenStream) {
        let first = branch.future.clone().into_iter().next();
        let place = first.map_or(self.site, |first| first.span());
        let moved = self.facade.clone().into_iter().map(|mut tree| {
            tree.set_span(tree.span().located_at(place));
            tree
        });
        (self.site.located_at(place), moved.collect())
    }

    fn preconditions(&self, select: &Select) -> TokenStream {
        let site = self.site;
        let with_index = select.branches.iter().enumerate();
        with_index
            .filter_map(|(index, branch)| Some((index, branch.precondition.as_ref()?)))
            .map(|(index, precondition)| {
                let index = self.number(index);
                quote_spanned! {site=> {
                    #[allow(unused_parens, unused_braces)]
                    let enabled: bool = #precondition;
                    if !enabled {
                        disabled |= 1 << #index;
                    }
                }}
            })
            .collect()
    }

    /// The body of the function that polls each enabled branch once.
    fn poll(&self, select: &Select) -> TokenStream {
        let (site, facade) = (self.site, &self.facade);
        let count = self.number(select.branches.len());
        let start = if select.biased || select.branches.len() == 1 {
            quote_spanned!(site=> 0)
        } else {
            quote_spanned!(site=> #facade::__private::random(#count))
        };
        let arms =
            select.branches.iter().enumerate().map(|(index, branch)| self.arm(index, branch));
        quote_spanned! {site=> {
            if #facade::__private::poll_budget(cx).is_pending() {
                return #facade::__private::Poll::Pending;
            }
            let mut pending = false;
            for branch in #facade::__private::round(#start, #count) {
                match branch {
                    #(#arms)*
                    _ => {}
                }
            }
            if pending {
                #facade::__private::Poll::Pending
            } else {
                #facade::__private::Poll::Ready(__FilchSelect::Disabled)
            }
        }}
    }

    /// Polls one branch; one whose output does not fit its pattern is disabled from then on.
    ///
    /// The guard is where the pattern has matched but nothing is moved out of the output yet. It
    /// says no, so that the arm behind it never runs.
    ///
    /// `continue` stands where an output could be. To the compiler an output of which nothing else is
    /// known, as that of `pending()`, then is what never comes, and nobody has to name its type.
    fn arm(&self, index: usize, branch: &Branch) -> TokenStream {
        let (site, facade) = (self.site, &self.facade);
        let variant = self.name("B", index);
        let pattern = &branch.pattern;
        let (place, near) = self.place_of(branch);
        let future = format_ident!("f{index}", span = place);
        let poll = quote_spanned!(place=> #near::__private::Future::poll(#future.as_mut(), cx));
        let index = self.number(index);
        quote_spanned! {site=>
            #index if disabled & (1 << #index) == 0 => {
                #[allow(unused_mut)]
                let mut output = match #poll {
                    #facade::__private::Poll::Ready(output) => output,
                    #facade::__private::Poll::Pending => {
                        pending = true;
                        continue;
                    }
                };
                disabled |= 1 << #index;
                let mut matches = false;
                #[allow(unused_variables, unused_mut, unreachable_patterns)]
                #[allow(clippy::all, clippy::pedantic)]
                match output {
                    #pattern if { matches = true; false } => {
                        #facade::__private::pattern_changed_its_mind()
                    }
                    _ => {}
                }
                if matches {
                    return #facade::__private::Poll::Ready(__FilchSelect::#variant(output));
                }
            }
        }
    }

    fn names(&self, prefix: &str, select: &Select) -> Vec<Ident> {
        (0..select.branches.len()).map(|index| self.name(prefix, index)).collect()
    }

    fn name(&self, prefix: &str, index: usize) -> Ident {
        format_ident!("{prefix}{index}", span = self.site)
    }

    fn number(&self, number: usize) -> Literal {
        let mut literal = Literal::usize_unsuffixed(number);
        literal.set_span(self.site);
        literal
    }
}

/// The width of the smallest integer with a bit for each branch.
fn mask_bits(branches: usize) -> usize {
    branches.next_power_of_two().max(8)
}
