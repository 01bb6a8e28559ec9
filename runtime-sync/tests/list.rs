//! The intrusive list, and random operations upon it against a `VecDeque`.
#![allow(missing_docs)]
#![expect(unsafe_code, reason = "whoever links nodes answers for them")]

use std::collections::VecDeque;
use std::pin::{Pin, pin};

use proptest::prelude::*;
use runtime_sync::list::{List, Node};

#[test]
fn nodes_come_out_in_the_order_they_went_in() {
    let (a, b, c) = (pin!(Node::new('a')), pin!(Node::new('b')), pin!(Node::new('c')));
    let mut list = List::new();
    for node in [a.as_ref(), b.as_ref(), c.as_ref()] {
        // SAFETY: pinned, in no list, taken out below.
        unsafe { list.push_back(node) };
    }
    let mut out = String::new();
    while let Some(node) = list.pop_front() {
        // SAFETY: the nodes live until the end of this function.
        out.push(unsafe { **node.as_ref() });
    }
    assert_eq!(out, "abc");
    assert!(list.is_empty());
}

#[test]
fn a_node_that_has_left_can_enter_again() {
    let a = pin!(Node::new(()));
    let mut list = List::new();
    for _ in 0..3 {
        // SAFETY: in no list, and taken out at once.
        unsafe { list.push_back(a.as_ref()) };
        assert!(!list.is_empty());
        // SAFETY: it is in the list.
        unsafe { list.remove(a.as_ref()) };
        assert!(list.is_empty());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Remove(usize),
    Pop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..8usize).prop_map(Step::Push),
        2 => (0..8usize).prop_map(Step::Remove),
        1 => Just(Step::Pop),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn it_behaves_like_a_deque(steps in steps()) {
        let nodes: Vec<Pin<Box<Node<usize>>>> = (0..8).map(|n| Box::pin(Node::new(n))).collect();
        let mut list = List::new();
        let mut model = VecDeque::new();
        for step in steps {
            match step {
                Step::Push(n) if !model.contains(&n) => {
                    // SAFETY: the model says that it is in no list; `nodes` outlives the list.
                    unsafe { list.push_back(nodes[n].as_ref()) };
                    model.push_back(n);
                }
                Step::Remove(n) if model.contains(&n) => {
                    // SAFETY: the model says that it is in the list.
                    unsafe { list.remove(nodes[n].as_ref()) };
                    model.retain(|other| *other != n);
                }
                Step::Push(_) | Step::Remove(_) => {}
                Step::Pop => {
                    // SAFETY: `nodes` outlives the list.
                    let popped = list.pop_front().map(|node| unsafe { **node.as_ref() });
                    prop_assert_eq!(popped, model.pop_front());
                }
            }
            let mut walked = VecDeque::new();
            let mut at = list.front();
            while let Some(node) = at {
                // SAFETY: it is in the list.
                walked.push_back(unsafe { **node.as_ref() });
                // SAFETY: as above.
                at = unsafe { list.after(node) };
            }
            prop_assert_eq!(&walked, &model);
            // SAFETY: it is in the list.
            let back = list.back().map(|node| unsafe { **node.as_ref() });
            prop_assert_eq!(back.as_ref(), model.back());
        }
    }
}
