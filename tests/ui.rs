//! The macros say what is wrong, at the place where it is wrong.
#![allow(missing_docs)]

#[test]
fn misuse_is_explained_where_it_happens() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
