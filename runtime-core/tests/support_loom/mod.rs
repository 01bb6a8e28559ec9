//! What the models of tasks share.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod home;
pub mod steps;
pub mod word;

/// Runs a model and tells whether it failed by an assertion.
pub fn fails(model: impl Fn() + Send + Sync + 'static) -> bool {
    let model = std::panic::AssertUnwindSafe(|| loom::model(model));
    std::panic::catch_unwind(model).is_err()
}
