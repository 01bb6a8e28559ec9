//! The programs: small trees of groups, scopes, clean-ups and leaves.

use filch::task_group::ErrorPolicy;
use proptest::prelude::*;
use std::fmt;
use std::sync::Arc;

/// A part of a program, with a number that no other part has.
#[derive(Clone)]
pub struct Node {
    pub id: u32,
    pub act: Act,
}

/// What it does. Spans count from the moment when it begins.
#[derive(Clone, Debug)]
pub enum Act {
    /// Waits.
    Sleep(Span),
    /// Waits, and returns an error.
    Fail(Span),
    /// Waits, and panics.
    Panic(Span),
    /// One after the other, up to the first error.
    Seq(Vec<Arc<Node>>),
    /// Both at once, in one task. Only where moments meet: the model knows one branch per task.
    Both(Arc<Node>, Arc<Node>),
    /// Gives the body so much time.
    Limit(Kind, Span, Arc<Node>),
    /// A `CancelScope`, which somebody may cancel, and which swallows its own cancellation.
    Scope { deadline: Option<Span>, cancel: Option<Span>, shield: bool, body: Arc<Node> },
    /// `with_cleanup`.
    Cleanup { limit: Option<Span>, body: Arc<Node>, cleanup: Arc<Node> },
    /// `catch_cancel`, which makes an error of it, or nothing.
    Catch { tells: bool, body: Arc<Node> },
    /// A group, which somebody may cancel, and the children that are spawned at its beginning.
    Group {
        policy: ErrorPolicy,
        limit: Option<usize>,
        cancel: Option<Span>,
        body: Arc<Node>,
        children: Vec<Child>,
    },
    /// Spawns a child into the group around, if there is one and it is open.
    Spawn(Child),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Timeout,
    FailAfter,
    MoveOn,
    TimeoutScope,
}

/// A task: what it does, when it is asked to end, when it is aborted.
#[derive(Clone, Debug)]
pub struct Child {
    pub request: Option<Span>,
    pub abort: Option<Span>,
    pub node: Arc<Node>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} ", self.id)?;
        self.act.fmt(f)
    }
}

/// A span of time in nanoseconds. `units` is what is shown; the rest keeps moments apart.
#[derive(Clone, Copy)]
pub struct Span {
    units: u64,
    pub nanos: u64,
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.units)
    }
}

/// How far one unit reaches.
const UNIT: u64 = 1 << 32;

/// How deep a program is at most.
const LEVELS: u32 = 5;

/// Whether moments are kept apart, or meet as often as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    None,
    Many,
}

/// Random programs.
pub fn programs(ties: Ties) -> impl Strategy<Value = Child> {
    let root = around(LEVELS, ties).prop_map(|act| Arc::new(Node { id: 0, act }));
    child(root.boxed()).prop_map(move |mut program| {
        Numbering { next: 0, ties }.child(&mut program);
        program
    })
}

fn span() -> impl Strategy<Value = Span> + Clone {
    // Scattered over half a unit, so that sums of spans do not meet by chance.
    let scatter = (0..UNIT / 2).no_shrink();
    (1..10u64, scatter).prop_map(|(units, scatter)| Span { units, nanos: units * UNIT + scatter })
}

fn perhaps_span(probability: f64) -> impl Strategy<Value = Option<Span>> + Clone {
    prop::option::weighted(probability, span())
}

fn child(node: BoxedStrategy<Arc<Node>>) -> impl Strategy<Value = Child> + Clone {
    (perhaps_span(0.3), perhaps_span(0.05), node).prop_map(|(request, abort, node)| Child {
        request,
        abort,
        node,
    })
}

/// A node with at most so many levels inside. What is simple comes first, for programs that fail shrink
/// towards it.
fn node(levels: u32, ties: Ties) -> BoxedStrategy<Arc<Node>> {
    let leaf = prop_oneof![
        8 => span().prop_map(Act::Sleep),
        2 => span().prop_map(Act::Fail),
        1 => span().prop_map(Act::Panic),
    ];
    let act = if levels == 0 {
        leaf.boxed()
    } else {
        prop_oneof![1 => leaf, 5 => around(levels, ties)].boxed()
    };
    act.prop_map(|act| Arc::new(Node { id: 0, act })).boxed()
}

/// What has others inside.
fn around(levels: u32, ties: Ties) -> impl Strategy<Value = Act> {
    let inner = node(levels - 1, ties);
    let both = if ties == Ties::Many { 3 } else { 0 };
    let kind = prop_oneof![
        Just(Kind::Timeout),
        Just(Kind::FailAfter),
        Just(Kind::MoveOn),
        Just(Kind::TimeoutScope)
    ];
    let policy = prop_oneof![
        2 => Just(ErrorPolicy::CancelSiblings),
        1 => Just(ErrorPolicy::WaitAll),
        1 => Just(ErrorPolicy::Collect)
    ];
    let limit = prop::option::weighted(0.3, 1..3usize);
    let children = prop::collection::vec(child(inner.clone()), 0..4);
    prop_oneof![
        3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Act::Seq),
        2 => (kind, span(), inner.clone())
            .prop_map(|(kind, span, body)| Act::Limit(kind, span, body)),
        2 => (perhaps_span(0.4), perhaps_span(0.4), prop::bool::weighted(0.3), inner.clone())
            .prop_map(|(deadline, cancel, shield, body)| {
                Act::Scope { deadline, cancel, shield, body }
            }),
        4 => (perhaps_span(0.2), inner.clone(), inner.clone())
            .prop_map(|(limit, body, cleanup)| Act::Cleanup { limit, body, cleanup }),
        4 => (any::<bool>(), inner.clone()).prop_map(|(tells, body)| Act::Catch { tells, body }),
        4 => (policy, limit, perhaps_span(0.1), inner.clone(), children)
            .prop_map(|(policy, limit, cancel, body, children)| {
                Act::Group { policy, limit, cancel, body, children }
            }),
        1 => child(inner.clone()).prop_map(Act::Spawn),
        both => (inner.clone(), inner).prop_map(|(one, other)| Act::Both(one, other)),
    ]
}

/// Gives the nodes numbers, and lets moments meet if they shall.
struct Numbering {
    next: u32,
    ties: Ties,
}

impl Numbering {
    fn span(&mut self, span: &mut Span) {
        if self.ties == Ties::Many {
            span.nanos = (1 + span.units / 3) * UNIT;
        }
    }

    fn spans<'a>(&mut self, spans: impl IntoIterator<Item = &'a mut Option<Span>>) {
        spans.into_iter().flatten().for_each(|span| self.span(span));
    }

    fn child(&mut self, child: &mut Child) {
        self.spans([&mut child.request, &mut child.abort]);
        self.node(&mut child.node);
    }

    fn node(&mut self, node: &mut Arc<Node>) {
        let node = Arc::make_mut(node);
        node.id = self.next;
        self.next += 1;
        match &mut node.act {
            Act::Sleep(span) | Act::Fail(span) | Act::Panic(span) => self.span(span),
            Act::Seq(parts) => parts.iter_mut().for_each(|part| self.node(part)),
            Act::Both(one, other) => {
                self.node(one);
                self.node(other);
            }
            Act::Limit(_, span, body) => {
                self.span(span);
                self.node(body);
            }
            Act::Scope { deadline, cancel, body, .. } => {
                self.spans([deadline, cancel]);
                self.node(body);
            }
            Act::Cleanup { limit, body, cleanup } => {
                self.spans([limit]);
                self.node(body);
                self.node(cleanup);
            }
            Act::Catch { body, .. } => self.node(body),
            Act::Group { cancel, body, children, .. } => {
                self.spans([cancel]);
                self.node(body);
                children.iter_mut().for_each(|child| self.child(child));
            }
            Act::Spawn(child) => self.child(child),
        }
    }
}

impl Child {
    /// Whether anything in it can be dropped without a clean-up: by an abort, at a limit, or by a
    /// panic beside it.
    pub fn is_cut_off(&self) -> bool {
        self.abort.is_some() || self.node.is_cut_off()
    }
}

impl Node {
    fn is_cut_off(&self) -> bool {
        let here = match &self.act {
            Act::Cleanup { limit, .. } => limit.is_some(),
            Act::Group { children, .. } => children.iter().any(|child| child.abort.is_some()),
            Act::Spawn(child) => child.abort.is_some(),
            Act::Both(one, other) => one.panics() || other.panics(),
            _ => false,
        };
        here || self.parts().any(Node::is_cut_off)
    }

    fn panics(&self) -> bool {
        matches!(self.act, Act::Panic(_)) || self.parts().any(Node::panics)
    }

    /// Whether there are groups in it.
    pub fn has_groups(&self) -> bool {
        matches!(self.act, Act::Group { .. }) || self.parts().any(Node::has_groups)
    }

    /// The nodes directly inside.
    pub fn parts(&self) -> impl Iterator<Item = &Node> {
        let parts: Vec<&Arc<Node>> = match &self.act {
            Act::Sleep(_) | Act::Fail(_) | Act::Panic(_) => vec![],
            Act::Seq(parts) => parts.iter().collect(),
            Act::Both(one, other) => vec![one, other],
            Act::Limit(_, _, body) | Act::Scope { body, .. } | Act::Catch { body, .. } => {
                vec![body]
            }
            Act::Cleanup { body, cleanup, .. } => vec![body, cleanup],
            Act::Group { body, children, .. } => {
                std::iter::once(body).chain(children.iter().map(|child| &child.node)).collect()
            }
            Act::Spawn(child) => vec![&child.node],
        };
        parts.into_iter().map(|part| &**part)
    }
}
