//! Random trees of tokens, against a plain list of who is below whom.
#![allow(missing_docs)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use proptest::prelude::*;
use runtime_sync::lock::{CancellationToken, WaitForCancellationFutureOwned};
use support::Count;

#[derive(Debug, Clone, Copy)]
enum Step {
    Child(usize),
    Clone(usize),
    /// Somebody waits, and owns a share.
    Wait(usize),
    Drop(usize),
    Cancel(usize),
    /// The oldest of those who wait gives up.
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..64usize;
    prop_oneof![
        8 => which.clone().prop_map(Step::Child),
        1 => which.clone().prop_map(Step::Clone),
        2 => which.clone().prop_map(Step::Wait),
        6 => which.clone().prop_map(Step::Drop),
        1 => which.prop_map(Step::Cancel),
        1 => Just(Step::Leave),
    ]
}

/// What a token is meant to be. Those that are gone stay in the model, and join the others.
struct Node {
    parent: Option<usize>,
    cancelled: bool,
    handles: usize,
}

struct Waiting {
    node: usize,
    count: Arc<Count>,
    _future: Pin<Box<WaitForCancellationFutureOwned>>,
}

fn cancel(nodes: &mut [Node], which: usize) {
    nodes[which].cancelled = true;
    // Parents come before their children.
    for n in which + 1..nodes.len() {
        nodes[n].cancelled |= nodes[n].parent.is_some_and(|parent| {
            let below = |mut at: usize| loop {
                if at == which {
                    return true;
                }
                match nodes[at].parent {
                    Some(parent) => at = parent,
                    None => return false,
                }
            };
            below(parent)
        });
    }
}

fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let root = CancellationToken::new();
    let mut nodes = vec![Node { parent: None, cancelled: false, handles: 2 }];
    let mut tokens = vec![(root.clone(), 0)];
    let mut waiting: Vec<Waiting> = Vec::new();
    for step in steps {
        let pick = |which: usize| (!tokens.is_empty()).then(|| which % tokens.len());
        match step {
            Step::Child(which) => {
                let Some(at) = pick(which) else { continue };
                let (token, parent) = (tokens[at].0.child_token(), tokens[at].1);
                tokens.push((token, nodes.len()));
                let cancelled = nodes[parent].cancelled;
                nodes.push(Node { parent: Some(parent), cancelled, handles: 1 });
            }
            Step::Clone(which) => {
                let Some(at) = pick(which) else { continue };
                tokens.push(tokens[at].clone());
                nodes[tokens[at].1].handles += 1;
            }
            Step::Wait(which) => {
                let Some(at) = pick(which) else { continue };
                let (token, node) = tokens[at].clone();
                let count = Count::new();
                let mut future = Box::pin(token.cancelled_owned());
                let waker = count.waker();
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                prop_assert_eq!(polled.is_ready(), nodes[node].cancelled);
                if polled.is_pending() {
                    nodes[node].handles += 1;
                    waiting.push(Waiting { node, count, _future: future });
                }
            }
            Step::Drop(which) => {
                let Some(at) = pick(which) else { continue };
                let (_, node) = tokens.swap_remove(at);
                nodes[node].handles -= 1;
            }
            Step::Cancel(which) => {
                let Some(at) = pick(which) else { continue };
                tokens[at].0.cancel();
                cancel(&mut nodes, tokens[at].1);
            }
            Step::Leave => {
                if !waiting.is_empty() {
                    let gone = waiting.remove(0);
                    nodes[gone.node].handles -= 1;
                }
            }
        }
        for (token, node) in &tokens {
            prop_assert_eq!(token.is_cancelled(), nodes[*node].cancelled);
        }
        for one in &waiting {
            prop_assert_eq!(one.count.get(), usize::from(nodes[one.node].cancelled));
        }
        // As many places as there are tokens, and less than that again for forks.
        let live = nodes.iter().skip(1).filter(|node| node.handles > 0 && !node.cancelled).count();
        let taken = root.stats().below_root;
        prop_assert!((live..(2 * live).max(1)).contains(&taken), "{taken} places for {live}");
    }
    drop((tokens, waiting));
    prop_assert_eq!(root.stats().below_root, 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_tree_of_tokens_is_who_is_below_whom(steps in prop::collection::vec(step(), 0..120)) {
        run(steps)?;
    }
}
