//! What the macros write and refuse, token by token.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::branches::Select;
use crate::entry::Entry;

fn tokens(source: &str) -> TokenStream {
    source.parse().expect("these are tokens")
}

/// The same text for the same tokens, however they are spaced.
fn normal(source: &str) -> String {
    tokens(source).to_string()
}

fn main_with(options: &str, item: &str) -> String {
    Entry::Main.expand(tokens(options), tokens(item)).to_string()
}

fn test_with(options: &str, item: &str) -> String {
    Entry::Test.expand(tokens(options), tokens(item)).to_string()
}

#[track_caller]
fn assert_contains(code: &str, part: &str) {
    assert!(squeezed(code).contains(&squeezed(part)), "\n{part}\nis not in\n{code}");
}

/// The text without white space: part of a program need not be tokens, its braces may be open.
fn squeezed(code: &str) -> String {
    code.split_whitespace().collect()
}

#[track_caller]
fn select(source: &str) -> Select {
    match Select::parse(tokens(source)) {
        Ok(select) => select,
        Err(error) => panic!("{}", error.message),
    }
}

/// Pattern, future, precondition and handler of each branch.
#[track_caller]
fn parts(source: &str) -> Vec<[String; 4]> {
    let text = |part: &TokenStream| part.to_string();
    let of_branch = |branch: &crate::branches::Branch| {
        let precondition = branch.precondition.as_ref().map(text).unwrap_or_default();
        [text(&branch.pattern), text(&branch.future), precondition, text(&branch.handler)]
    };
    select(source).branches.iter().map(of_branch).collect()
}

#[track_caller]
fn assert_parts(source: &str, expected: &[[&str; 4]]) {
    let expected: Vec<_> = expected.iter().map(|branch| branch.map(normal)).collect();
    assert_eq!(parts(source), expected);
}

fn refusal(source: &str) -> String {
    Select::parse(tokens(source)).map(drop).expect_err("this is refused").message
}

#[test]
fn main_becomes_a_function_around_the_users_own() {
    let code = main_with("", "async fn main() -> io::Result<()> { work().await?; Ok(()) }");
    assert_contains(&code, "fn main() -> io::Result<()> {");
    assert_contains(&code, "async fn main() -> io::Result<()> { work().await?; Ok(()) }");
    assert_contains(&code, "::filch::runtime::Builder::new_multi_thread().enable_all().build()");
    assert_contains(&code, "runtime.block_on(main())");
}

#[test]
fn options_reach_the_builder_in_any_order() {
    let code = main_with("worker_threads = 2_usize, name = \"w\",", "async fn main() {}");
    assert_contains(
        &code,
        "new_multi_thread().enable_all().worker_threads(2).name(\"w\").thread_name(\"w\").build()",
    );
    let code = main_with("start_paused = true, flavor = \"local\"", "async fn main() {}");
    assert_contains(
        &code,
        "new_current_thread().enable_all().start_paused(true)
            .build_local(::core::default::Default::default())",
    );
}

#[test]
fn a_number_may_be_written_in_any_way_that_rust_knows() {
    for (written, count) in [
        ("4", 4),
        ("1_0", 10),
        ("0x1F", 31),
        ("0x_a_usize", 10),
        ("0o17", 15),
        ("0b11u8", 3),
        ("007", 7),
        ("4u32", 4),
        ("4_i128", 4),
    ] {
        let code = main_with(&format!("worker_threads = {written}"), "async fn main() {}");
        assert_contains(&code, &format!(".worker_threads({count})"));
    }
    for wrong in ["0x0", "0_u8", "4.0", "4f32", "1e1", "-1", "'4'", "b'4'", "\"4\"", "4foo"] {
        let code = main_with(&format!("worker_threads = {wrong}"), "async fn main() {}");
        assert_contains(&code, "compile_error");
    }
    let code = main_with("worker_threads = 99999999999999999999999", "async fn main() {}");
    assert_contains(&code, "compile_error");
}

#[test]
fn signals_that_cancel_are_heard_around_the_function() {
    let code = main_with("cancel_on = \"interrupt, terminate\"", "async fn main() -> u8 { 1 }");
    assert_contains(&code, "::filch::signal::SignalKind::interrupt(),");
    assert_contains(&code, "::filch::signal::SignalKind::terminate()]");
    assert_contains(&code, "runtime.block_on(canceller.run(main()))");
    for wrong in ["\"\"", "\"kill\"", "\"interrupt,\"", "interrupt"] {
        let code = main_with(&format!("cancel_on = {wrong}"), "async fn main() {}");
        assert_contains(&code, "compile_error");
    }
    let code = test_with("cancel_on = \"interrupt\"", "async fn t() {}");
    assert_contains(&code, "compile_error");
}

#[test]
fn the_facade_is_named_by_a_string_or_a_path() {
    for path in ["\"other::filch\"", "other::filch"] {
        let code = main_with(&format!("crate = {path}"), "async fn main() {}");
        assert_contains(&code, "= other::filch::runtime::Builder::");
    }
    let code = main_with("crate = \"crate\"", "async fn main() {}");
    assert_contains(&code, "= crate::runtime::Builder::");
    for path in ["\"a b(\"", "\"a::\"", "7"] {
        let code = main_with(&format!("crate = {path}"), "async fn main() {}");
        assert_contains(&code, "\"expected a path for `crate`\"");
    }
}

#[test]
fn a_test_keeps_its_attributes_and_its_result() {
    let code = test_with("", "/// Doc.\n#[should_panic] pub(crate) async fn t() -> Answer { a() }");
    assert_contains(&code, "#[::core::prelude::v1::test]");
    assert_contains(&code, "#[should_panic] pub(crate) fn t() -> Answer {");
    assert_contains(&code, "new_current_thread()");
    assert_eq!(code.matches("should_panic").count(), 1);
}

#[test]
fn only_the_standard_test_attribute_is_a_second_one() {
    for path in ["test", "::core::prelude::v1::test", "std::prelude::rust_2024::test"] {
        let code = test_with("", &format!("#[{path}] async fn t() {{}}"));
        assert_contains(&code, "compile_error!");
    }
    for path in ["test_case", "other::test", "doc = \"test\"", "cfg(test)"] {
        let code = test_with("", &format!("#[{path}] async fn t() {{}}"));
        assert!(!code.contains("compile_error"), "{code}");
    }
}

#[test]
fn inner_attributes_move_to_the_function() {
    let code = main_with("", "async fn main() { #![allow(unused)] let x = 1; }");
    assert_contains(&code, "#[allow(unused)] fn main()");
    assert_contains(&code, "async fn main() { let x = 1; }");
}

#[test]
fn an_error_leaves_the_item_in_place() {
    for item in ["async fn main(", "struct S ;", "fn main() {}", "async fn main() ;"] {
        let Ok(tokens) = item.parse::<TokenStream>() else { continue };
        let code = Entry::Main.expand(TokenStream::new(), tokens.clone()).to_string();
        assert_contains(&code, "::core::compile_error!");
        assert!(code.ends_with(&tokens.to_string()), "{code}");
    }
    let code = main_with("flavour = 1", "async fn main() { work() }");
    assert_contains(&code, "fn main() {");
    assert_contains(&code, "async fn main() { work() }");
}

#[test]
fn generics_and_where_clauses_are_no_obstacle() {
    let item = "async fn t<F: Fn(u8) -> [u8; { 1 }]>() -> Vec<u8> where F: Copy { body() }";
    let code = test_with("", item);
    assert_contains(&code, item);
    assert_contains(&code, "fn t<F: Fn(u8) -> [u8; { 1 }]>() -> Vec<u8> where F: Copy {");
}

#[test]
fn branches_end_at_a_comma_or_behind_a_block() {
    assert_parts(
        "a = f() => x, b = g() => { y } c = h() => { z }, d = i() => w",
        &[
            ["a", "f()", "", "x"],
            ["b", "g()", "", "{ y }"],
            ["c", "h()", "", "{ z }"],
            ["d", "i()", "", "w"],
        ],
    );
}

#[test]
fn a_precondition_stands_between_future_and_handler() {
    assert_parts(
        "Some(1..=5) | None = f(a, b), if x == y && z => {} ",
        &[["Some(1..=5) | None", "f(a, b)", "x == y && z", "{}"]],
    );
    assert_parts("1..=5 = f(), if a <= b => x,", &[["1..=5", "f()", "a <= b", "x"]]);
    assert_parts("Ok::<A, B>(a) = f => x", &[["Ok::<A, B>(a)", "f", "", "x"]]);
    assert_parts("_ =&mut f => x", &[["_", "& mut f", "", "x"]]);
}

#[test]
fn commas_inside_of_an_expression_do_not_end_it() {
    for handler in [
        "f::<A, B>(x)",
        "<A as Of<B, C>>::f(x)",
        "|a, b| a + b",
        "move |a: Of<A, B>, b| -> Of<C, D> { a }",
        "x as *const Of<A, B>",
        "x as Of<A, fn(B) -> C, D>",
        "|| f::<A, B>()",
        "a || f::<A, B>()",
        "Of::<A, { 1 }>::new()?.f::<B, C>().await?",
        "return f::<A, B>()",
        "if let Some(x) | Ok(x) = y { a } else { b }",
        "break 'outer f::<A, B>()",
        "match x { a => 1, b => 2 }",
    ] {
        assert_parts(
            &format!("a = f => {handler}, b = {handler} => y"),
            &[["a", "f", "", handler], ["b", handler, "", "y"]],
        );
    }
}

#[test]
fn comparisons_and_shifts_are_not_generic_arguments() {
    for handler in ["a < b", "a << b", "a <<= 2", "a | b", "a || b", "x as u8 * a < b", "a <= b"] {
        assert_parts(
            &format!("a = f => {handler}, b = g => c > d"),
            &[["a", "f", "", handler], ["b", "g", "", "c > d"]],
        );
    }
}

#[test]
fn a_block_that_another_macro_has_captured_is_a_block() {
    let mut source: Vec<TokenTree> = tokens("a = f =>").into_iter().collect();
    source.push(Group::new(Delimiter::None, tokens("{ x }")).into());
    source.extend(tokens("b = g => y"));
    let select = Select::parse(source.into_iter().collect()).map_err(|error| error.message);
    assert_eq!(select.map(|select| select.branches.len()), Ok(2));
}

#[test]
fn biased_and_else_are_words_only_in_their_places() {
    let biased = select("biased; a = f => x, else => y");
    assert!(biased.biased);
    assert_eq!(biased.otherwise.map(|handler| handler.to_string()), Some("y".to_owned()));
    assert!(!select("biased = f => x").biased);
    assert!(select("else => y,").branches.is_empty());
}

#[test]
fn what_is_wrong_is_said_in_the_words_of_the_grammar() {
    for (source, message) in [
        ("", "`select!` needs at least one branch"),
        ("biased;", "`select!` needs at least one branch"),
        ("a", "expected a branch: `pattern = future => handler`"),
        ("f() => x", "expected a branch: `pattern = future => handler`"),
        ("= f => x", "expected a pattern before `=`"),
        ("a = => x", "expected a future after `=`"),
        ("a = f", "expected `=>` and a handler for this branch"),
        ("a = f,", "expected `=> handler` or `, if precondition => handler` after the future"),
        (
            "a = f, b = g => x",
            "expected `=> handler` or `, if precondition => handler` after the future",
        ),
        ("a = f, if => x", "expected a precondition after `if`"),
        ("a = f =>", "expected a handler after `=>`"),
        (
            "a = f => x b = g => y",
            "expected `,` before this branch: a handler that is not a block ends with one",
        ),
        ("else => x, a = f => y", "nothing may follow the `else` branch"),
    ] {
        assert_eq!(refusal(source), message, "{source}");
    }
}

#[test]
fn there_are_at_most_64_branches() {
    assert_eq!(select(&"a = f => x,".repeat(64)).branches.len(), 64);
    assert_eq!(refusal(&"a = f => x,".repeat(65)), "`select!` takes at most 64 branches");
}
