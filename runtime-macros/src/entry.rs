//! Turns an `async fn` into a function that runs it on a runtime of its own.
//!
//! ```text
//! fn main() -> io::Result<()> {
//!     async fn main() -> io::Result<()> { … }      // the user's function, as it is
//!     let runtime = ::filch::runtime::Builder::new_multi_thread().enable_all().build().expect(…);
//!     let runtime = ::filch::__private::Orderly::from(runtime);    // not for tests
//!     runtime.block_on(main())
//! }
//! ```
//!
//! `main` ends in asyncio's order: the tasks that it leaves behind are asked to end and awaited, within a
//! limit, before the runtime is dropped. A program from tokio, which only drops them, sees no difference:
//! a task without frames is dropped at its next suspension either way, and it has no others. Blocking jobs
//! are awaited without a limit, as there.
//!
//! The body stays inside an `async fn` with the user's signature, so that inference, coercions and
//! the places of errors are those of a function that has no attribute. `#[filch::main]` on a function
//! that is not called `main` may be a method and take arguments, which no function inside of it could
//! see: there the body becomes an `async move` block.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::error::{Error, Result};
use crate::function::Function;
use crate::options::{Flavor, Options};

/// Which attribute is at work.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    Main,
    Test,
}

impl Entry {
    /// Expands the attribute with these options on this item.
    ///
    /// Whatever is wrong, the item comes out again next to the error: tools that complete code
    /// need something to look at, and a missing `main` would only be a second error.
    pub(crate) fn expand(self, options: TokenStream, item: TokenStream) -> TokenStream {
        let function = match Function::parse(item.clone()) {
            Ok(function) => function,
            Err(error) => return joined(error, item),
        };
        if let Err(error) = self.check_async(&function) {
            return joined(error, item);
        }
        if let Err(error) = self.check_rest(&function) {
            let bare = function.bare();
            let nested = quote!(#[allow(dead_code)] #bare);
            return joined(error, function.enclosing_without_output(nested));
        }
        let options = self.default_options().parse(options).and_then(|options| match self {
            Entry::Test if !options.cancel_on.is_empty() => {
                Err(Error::new(Span::call_site(), "`cancel_on` is for `#[filch::main]`"))
            }
            _ => Ok(options),
        });
        match options {
            Ok(options) => self.write(&function, &options),
            Err(error) => joined(error, self.write(&function, &self.default_options())),
        }
    }

    fn default_options(self) -> Options {
        Options::new(match self {
            Entry::Main => Flavor::MultiThread,
            Entry::Test => Flavor::CurrentThread,
        })
    }

    fn check_async(self, function: &Function) -> Result<()> {
        if function.is_async() {
            return Ok(());
        }
        let (start, end) = function.head();
        Err(Error::between(start, end, format!("{self} is for an `async fn`: add `async`")))
    }

    fn check_rest(self, function: &Function) -> Result<()> {
        let takes_arguments = !function.arguments.stream().is_empty();
        if takes_arguments && self.keeps_the_signature(function) {
            let message = format!("`{}` under {self} takes no arguments", function.name);
            return Err(Error::new(function.arguments.span(), message));
        }
        let test = function.attributes.iter().find(|attribute| attribute.is_test());
        if let (Entry::Test, Some(test)) = (self, test) {
            let message = format!("{self} makes a test already: remove this attribute");
            return Err(Error::new(test.span(), message));
        }
        Ok(())
    }

    /// Whether the user's function goes as it is into the one that is written.
    fn keeps_the_signature(self, function: &Function) -> bool {
        self == Entry::Test || function.name == "main"
    }

    fn write(self, function: &Function, options: &Options) -> TokenStream {
        let (user_function, future) = if self.keeps_the_signature(function) {
            let (bare, name) = (function.bare(), &function.name);
            (quote!(#[allow(clippy::unused_async)] #bare), quote!(#name()))
        } else {
            (TokenStream::new(), function.block())
        };
        let runtime = runtime(options);
        let block_on = match self {
            Entry::Main if !options.cancel_on.is_empty() => cancellable(&future, options),
            Entry::Main => quote_spanned!(Span::mixed_site()=> runtime.block_on(#future)),
            // One `block_on` is compiled for all tests with the same result, not one for each.
            Entry::Test => quote_spanned! {Span::mixed_site()=>
                let mut future = ::core::pin::pin!(#future);
                let future: ::core::pin::Pin<&mut dyn ::core::future::Future<Output = _>> =
                    future.as_mut();
                runtime.block_on(future)
            },
        };
        let facade = &options.facade;
        let orderly = match self {
            Entry::Main => quote_spanned! {Span::mixed_site()=>
                let runtime = #facade::__private::Orderly::from(runtime);
            },
            Entry::Test => TokenStream::new(),
        };
        let code = function.enclosing(quote! {
            #user_function
            #runtime
            #orderly
            #block_on
        });
        match self {
            Entry::Main => code,
            Entry::Test => quote!(#[::core::prelude::v1::test] #code),
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Entry::Main => "`#[filch::main]`",
            Entry::Test => "`#[filch::test]`",
        })
    }
}

/// The statement that builds the runtime.
fn runtime(options: &Options) -> TokenStream {
    let facade = &options.facade;
    let constructor = match options.flavor {
        Flavor::MultiThread => quote!(new_multi_thread),
        Flavor::CurrentThread | Flavor::Local => quote!(new_current_thread),
    };
    let worker_threads = options.worker_threads.iter();
    let start_paused = options.start_paused.iter();
    let name = options.name.iter();
    let build = match options.flavor {
        Flavor::Local => quote!(build_local(::core::default::Default::default())),
        Flavor::MultiThread | Flavor::CurrentThread => quote!(build()),
    };
    quote_spanned! {Span::mixed_site()=>
        #[allow(clippy::expect_used)]
        let runtime = #facade::runtime::Builder::#constructor()
            .enable_all()
            #(.worker_threads(#worker_threads))*
            #(.start_paused(#start_paused))*
            #(.name(#name).thread_name(#name))*
            .#build
            .expect("failed to build the runtime");
    }
}

/// Runs the future until it is done, or until it has ended because a signal came: then the runtime ends
/// as well, and the process as the signal has it end.
fn cancellable(future: &TokenStream, options: &Options) -> TokenStream {
    let facade = &options.facade;
    let kinds = &options.cancel_on;
    quote_spanned! {Span::mixed_site()=>
        #[allow(clippy::expect_used)]
        let canceller = {
            let _entered = runtime.handle().enter();
            #facade::signal::Canceller::new(&[
                #(#facade::signal::SignalKind::#kinds()),*
            ])
            .expect("failed to listen to signals")
        };
        match runtime.block_on(canceller.run(#future)) {
            ::core::result::Result::Ok(output) => output,
            ::core::result::Result::Err(signal) => {
                ::core::mem::drop(runtime);
                #facade::signal::cancelled_by(signal)
            }
        }
    }
}

fn joined(error: Error, code: TokenStream) -> TokenStream {
    let error = error.into_tokens();
    quote!(#error #code)
}
