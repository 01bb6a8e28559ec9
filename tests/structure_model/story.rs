//! What is told of a program: lines, each with its moment, by the model and by the real thing.

use filch::cancel::CancelReason;
use std::fmt;

/// Nanoseconds since the program began.
pub type Moment = u64;

/// The moment that does not come.
pub const NEVER: Moment = Moment::MAX;

/// Something that happened in a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub at: Moment,
    pub id: u32,
    pub what: String,
}

/// Why a node returned an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Failed(u32),
    Elapsed(u32),
    Cancelled(u32, Why),
    /// The errors of a group, in no order.
    Group(u32, Vec<Fault>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Why something was cancelled, in a word.
pub type Why = String;

/// The word of a reason.
pub fn why(reason: &CancelReason) -> Why {
    reason.message().map_or_else(|| format!("{:?}", reason.source()), str::to_owned)
}

/// What becomes of a task, as a line.
pub fn outcome(result: Result<Result<(), Fault>, Option<Why>>) -> String {
    match result {
        Ok(Ok(())) => "task: done".to_owned(),
        Ok(Err(_)) => "task: failed".to_owned(),
        Err(Some(why)) => format!("task: cancelled, {why}"),
        Err(None) => "task: aborted".to_owned(),
    }
}
