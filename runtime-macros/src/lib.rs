//! `#[filch::main]`, `#[filch::test]` and the writer behind `select!`: what each looks like.
#![forbid(unsafe_code)]

mod branches;
mod cursor;
mod entry;
mod error;
mod function;
mod options;
mod select;
#[cfg(test)]
mod unit_tests;

use entry::Entry;
use proc_macro::TokenStream;

/// Runs an `async fn`, mostly `main`, on a runtime that is built for it.
///
/// The function itself runs on the thread that calls it, by `Runtime::block_on`; what it spawns
/// runs on the workers. When it returns, the runtime ends in order, as with `Runtime::close`: tasks
/// that still run are asked to end, which drops those at their next suspension that have nothing to
/// clean up, and are awaited for at most a minute. Blocking jobs are awaited, too.
///
/// # Options
///
/// | option | value | default |
/// |---|---|---|
/// | `flavor` | `"multi_thread"`, `"current_thread"` or `"local"` | `"multi_thread"` |
/// | `worker_threads` | how many workers; only with `"multi_thread"` | one for each usable core |
/// | `start_paused` | whether the clock is virtual and stands still at first; not with `"multi_thread"` | `false` |
/// | `name` | the name of the runtime, and of its threads | those of `Builder` |
/// | `cancel_on` | the signals that cancel the function, such as `"interrupt, terminate"`; needs filch's feature `signal` | none |
/// | `crate` | the path of filch, if it has another name here | `"::filch"` |
///
/// # Examples
///
/// ```
/// #[filch::main]
/// async fn main() -> std::io::Result<()> {
///     let answer = filch::spawn(async { 42 }).await?;
///     assert_eq!(answer, 42);
///     Ok(())
/// }
/// ```
///
/// It stands for:
///
/// ```
/// fn main() -> std::io::Result<()> {
///     async fn main() -> std::io::Result<()> {
///         let answer = filch::spawn(async { 42 }).await?;
///         assert_eq!(answer, 42);
///         Ok(())
///     }
///     filch::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(main())
/// }
/// ```
///
/// Two workers:
///
/// ```
/// #[filch::main(flavor = "multi_thread", worker_threads = 2)]
/// async fn main() {
///     assert_eq!(filch::runtime::Handle::current().metrics().num_workers(), 2);
/// }
/// ```
///
/// Everything on one thread:
///
/// ```
/// #[filch::main(flavor = "current_thread")]
/// async fn main() {
///     println!("hello");
/// }
/// ```
///
/// Ctrl-C cancels: the function is asked to end, so that its clean-ups run, and dropped where it waits
/// unless it catches that; then the runtime ends, and then the process as the signal has it end by
/// default, so that a shell sees the same as ever, which is 130. If the function gives a value all the
/// same, that is what counts. A second signal, of either kind, ends the process at once.
/// `interrupt` is Ctrl-C, `terminate` is what containers and service managers send, and there are
/// `hangup` and `quit`. On Windows these are Ctrl-C, the end of the console, a logoff and Ctrl-Break. Python's asyncio does this with the first of them.
///
/// ```no_run
/// #[filch::main(cancel_on = "interrupt, terminate")]
/// async fn main() {
///     std::future::pending().await
/// }
/// ```
///
/// The function need not be `main`. One of another name may take arguments and be a method; each call
/// builds a runtime, so that it is for the outermost function of a thread, not for one that is async itself:
///
/// ```
/// #[filch::main(flavor = "current_thread")]
/// async fn sum(numbers: &[u32]) -> u32 {
///     let doubled: Vec<_> = numbers.iter().map(|&n| filch::spawn(async move { n * 2 })).collect();
///     let mut sum = 0;
///     for task in doubled {
///         sum += task.await.unwrap();
///     }
///     sum
/// }
///
/// assert_eq!(sum(&[1, 2, 3]), 12);
/// ```
///
/// A `main` that is not async is refused:
///
/// ```compile_fail
/// #[filch::main]
/// fn main() {}
/// ```
///
/// # Panics
///
/// The function panics if the runtime cannot be built.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    Entry::Main.expand(options.into(), item.into()).into()
}

/// Makes an `async fn` a test that runs on a runtime of its own.
///
/// Other attributes, `#[should_panic]` or `#[ignore]` for instance, work as on any test. The
/// options are those of [`macro@main`], but the default flavor is `"current_thread"`.
///
/// # Examples
///
/// ```
/// #[filch::test]
/// async fn answers() {
///     assert_eq!(async { 42 }.await, 42);
/// }
/// ```
///
/// With a clock that jumps to the next deadline as soon as all tasks wait, so that this takes no
/// time:
///
/// ```
/// #[filch::test(start_paused = true)]
/// async fn waits_for_an_hour() {
///     filch::time::sleep(std::time::Duration::from_secs(3600)).await;
/// }
/// ```
///
/// A test that uses several threads:
///
/// ```
/// #[filch::test(flavor = "multi_thread", worker_threads = 2)]
/// async fn runs_on_two_workers() {
///     assert_eq!(filch::spawn(async { 1 + 1 }).await.unwrap(), 2);
/// }
/// ```
///
/// Arguments are refused:
///
/// ```compile_fail
/// #[filch::test]
/// async fn answers(question: &str) {}
/// ```
///
/// # Panics
///
/// The test panics if the runtime cannot be built.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    Entry::Test.expand(options.into(), item.into()).into()
}

/// Writes the code of `filch::select!`, which passes its own path and the branches in braces.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() {
/// filch::select! {
///     number = async { 1 } => assert_eq!(number, 1),
/// }
/// # }
/// ```
#[doc(hidden)]
#[proc_macro]
pub fn select_branches(tokens: TokenStream) -> TokenStream {
    select::expand(tokens.into()).into()
}
