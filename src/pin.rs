//! `pin!`: pin values to the stack and keep their names.

/// Pins futures, or other values, to the stack.
///
/// `pin!(x)` takes the variable `x` and brings it back as a `Pin<&mut _>` of the same name. Several
/// variables may be given. `pin! { let x = …; }` declares and pins in one step. Unlike
/// [`std::pin::pin!`] this is a statement, not an expression.
///
/// A future must be pinned to be awaited by reference, as in a `select!` inside a loop, which goes
/// on with the same future each time round.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() {
/// let greeting = async { "hello" };
/// filch::pin!(greeting);
/// assert_eq!((&mut greeting).await, "hello");
///
/// filch::pin! {
///     let first = async { 1 };
///     let second = async { 2 };
/// }
/// assert_eq!(first.await + second.await, 3);
/// # }
/// ```
///
/// Only variables can be pinned by name:
///
/// ```compile_fail
/// filch::pin!(async { 1 });
/// ```
#[macro_export]
macro_rules! pin {
    ($($name:ident),* $(,)?) => {
        $(
            #[allow(unused_mut)]
            let mut $name = $crate::__private::pin!($name);
        )*
    };
    ($(let $name:ident = $init:expr;)*) => {
        $(
            #[allow(unused_mut)]
            let mut $name = $crate::__private::pin!($init);
        )*
    };
}
