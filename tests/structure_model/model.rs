//! What a program must do, computed node by node, without tasks, wakers or a clock.
//!
//! A node is given the moment when it begins and what can cancel it, and says when and how it ends. What
//! comes from outside is known beforehand: deadlines, requests, aborts. What comes from inside, the
//! failure of a sibling, is found by trying: the group is computed without it, the earliest cause is
//! looked for, and the group is computed once more with that. Nothing before the cause changes, so
//! that it stays the earliest.

use super::story::{Fault, Line, Moment, NEVER, Why, outcome};
use super::tree::{Act, Child, Kind, Node, Span};
use filch::task_group::ErrorPolicy;
use std::collections::BTreeMap;

/// The whole story of a program, sorted. `None`: it depends on who is polled first.
pub fn story(program: &Child) -> Option<Vec<Line>> {
    let mut model = Model::default();
    model.task(program, &Birth { at: 0, begins: 0, asked: None }, &mut Nursery::default());
    model.lines.sort();
    (!model.open).then_some(model.lines)
}

/// How a node ends.
#[derive(Clone, Debug)]
enum How {
    Gives(Result<(), Fault>),
    Panics,
    /// It waits for ever, in the way of nobody: what is around is cancelled, and drops it.
    Yields,
    /// It was dropped by an abort, or at the limit of a clean-up.
    CutOff,
}

#[derive(Clone, Debug)]
struct End {
    at: Moment,
    how: How,
}

/// A frame around a node.
struct Frame<'a> {
    outer: Option<&'a Frame<'a>>,
    /// When it is cancelled, and why.
    cancel: Option<(Moment, Why)>,
    shield: bool,
    deadline: Moment,
    /// When all inside is dropped, come what may.
    cut: Moment,
}

/// The task that a node is part of.
#[derive(Clone)]
struct Task {
    /// The requests to end, in order.
    requests: Vec<(Moment, Why)>,
    /// How many of them are answered.
    over: usize,
}

impl Task {
    /// How many requests have come.
    fn asked(&self, at: Moment) -> usize {
        self.requests.iter().take_while(|(when, _)| *when <= at).count()
    }

    /// The last request, if it is not answered.
    fn stands(&self, at: Moment) -> Option<Why> {
        let asked = self.asked(at);
        (asked > self.over).then(|| self.requests[asked - 1].1.clone())
    }
}

/// Who answers for a cancellation.
enum Cause {
    Scope(Why),
    Task(Why),
}

impl Frame<'_> {
    /// The frame of a task.
    fn root(cut: Moment) -> Frame<'static> {
        Frame { outer: None, cancel: None, shield: false, deadline: NEVER, cut }
    }

    /// A frame within this one that does nothing.
    fn plain(&self) -> Frame<'_> {
        Frame { outer: Some(self), cancel: None, shield: false, deadline: NEVER, cut: self.cut }
    }

    fn outwards(&self) -> impl Iterator<Item = &Frame<'_>> {
        std::iter::successors(Some(self), |frame| frame.outer.filter(|_| !frame.shield))
    }

    fn reaches_task(&self) -> bool {
        self.outwards().all(|frame| !frame.shield)
    }

    /// What is in effect for whoever is directly inside.
    fn cause(&self, task: &Task, at: Moment) -> Option<Cause> {
        match self.scope_cause(at) {
            Some(why) => Some(Cause::Scope(why)),
            None if self.reaches_task() => task.stands(at).map(Cause::Task),
            None => None,
        }
    }

    /// The innermost frame that is cancelled.
    fn scope_cause(&self, at: Moment) -> Option<Why> {
        let mut cancelled = self.outwards().filter_map(|frame| frame.cancel.as_ref());
        cancelled.find(|(when, _)| *when <= at).map(|(_, why)| why.clone())
    }

    /// From when on anything is in effect.
    fn effect(&self, task: &Task, at: Moment) -> Moment {
        let scopes = self.outwards().filter_map(|frame| frame.cancel.as_ref());
        let requests = task.requests[task.over..].iter().take(usize::from(self.reaches_task()));
        let first = scopes.chain(requests).map(|(when, _)| *when).min();
        first.map_or(NEVER, |first| first.max(at))
    }

    fn deadline(&self) -> Moment {
        self.outwards().map(|frame| frame.deadline).min().unwrap_or(NEVER)
    }
}

/// When a task is spawned, gets its turn, and is asked to end by its group.
struct Birth {
    at: Moment,
    begins: Moment,
    asked: Option<(Moment, Why)>,
}

/// Where spawned children go.
#[derive(Default)]
struct Nursery<'t> {
    /// Those whose turn is not computed yet, each with who has spawned it: by moment, then in order.
    waiting: BTreeMap<(Moment, usize), (By, &'t Child)>,
    spawned: usize,
    /// Who spawns at present.
    by: By,
    /// From when on it takes no more; `None`: there is no group.
    closes: Option<Moment>,
}

impl<'t> Nursery<'t> {
    fn spawn(&mut self, at: Moment, child: &'t Child) {
        if self.closes.is_some_and(|closes| at < closes) {
            self.waiting.insert((at, self.spawned), (self.by, child));
            self.spawned += 1;
        }
    }
}

/// Why a group is cancelled, and since when.
#[derive(Clone)]
struct Ending {
    at: Moment,
    why: Why,
    by: By,
}

/// Who is not told that the group is cancelled, having ended with that; who spawns a child.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum By {
    #[default]
    Outside,
    /// What is around the group, which tells the body by itself.
    Around,
    Body,
    Child(u32),
    /// The block was dropped.
    Drop,
}

/// What came of a group, given when it was cancelled.
struct Attempt {
    body: End,
    end: Moment,
    errors: Vec<(Moment, Fault, By)>,
    panics: bool,
    /// What is around was cancelled while the group had to wait.
    heard: bool,
    /// The earliest cause to cancel it.
    cause: Option<Ending>,
}

#[derive(Default)]
struct Model {
    lines: Vec<Line>,
    /// A child was asked to end in the moment of its birth, by somebody who may have waited in
    /// between: whether it begins is open.
    open: bool,
}

impl Model {
    fn say(&mut self, at: Moment, id: u32, what: impl Into<String>) {
        self.lines.push(Line { at, id, what: what.into() });
    }

    /// A task from its birth to its end.
    fn task<'t>(&mut self, child: &'t Child, birth: &Birth, nursery: &mut Nursery<'t>) -> End {
        let id = child.node.id;
        let own = child.request.map(|span| (birth.at + span.nanos, format!("request {id}")));
        let asked = birth.asked.clone().map(|(at, why)| (at.max(birth.at), why));
        let mut requests: Vec<_> = own.into_iter().chain(asked).collect();
        requests.sort_by_key(|(at, _)| *at);
        let mut task = Task { requests, over: 0 };
        let cut = child.abort.map_or(NEVER, |span| birth.at + span.nanos);
        let first = task.requests.first().map_or(NEVER, |(at, _)| *at);
        let end = if first.min(cut) <= birth.begins {
            let how = if cut < first { How::CutOff } else { How::Yields };
            End { at: first.min(cut), how }
        } else {
            self.node(&child.node, birth.begins, &Frame::root(cut), &mut task, nursery)
        };
        let result = match &end.how {
            How::Gives(result) => Ok(result.clone()),
            How::Panics => Ok(Err(Fault::Failed(id))),
            How::Yields | How::CutOff => Err(task.stands(end.at)),
        };
        self.say(end.at, id, outcome(result));
        end
    }

    fn node<'t>(
        &mut self,
        node: &'t Node,
        at: Moment,
        around: &Frame,
        task: &mut Task,
        nursery: &mut Nursery<'t>,
    ) -> End {
        self.say(at, node.id, "begins");
        let end = self.act(node, at, around, task, nursery);
        let what = match &end.how {
            How::Gives(result) => format!("gives {result:?}, asked {}", task.asked(end.at)),
            How::Panics => "panics".to_owned(),
            How::Yields | How::CutOff => "is dropped".to_owned(),
        };
        self.say(end.at, node.id, what);
        end
    }

    fn act<'t>(
        &mut self,
        node: &'t Node,
        at: Moment,
        around: &Frame,
        task: &mut Task,
        nursery: &mut Nursery<'t>,
    ) -> End {
        let id = node.id;
        let gives = |at, result| End { at, how: How::Gives(result) };
        match &node.act {
            Act::Sleep(span) => self.leaf(id, at, *span, How::Gives(Ok(())), around, task),
            Act::Fail(span) => {
                let fails = How::Gives(Err(Fault::Failed(id)));
                self.leaf(id, at, *span, fails, around, task)
            }
            Act::Panic(span) => self.leaf(id, at, *span, How::Panics, around, task),
            Act::Seq(parts) => {
                let mut end = gives(at, Ok(()));
                for part in parts {
                    end = self.node(part, end.at, around, task, nursery);
                    if !matches!(end.how, How::Gives(Ok(()))) {
                        break;
                    }
                }
                end
            }
            Act::Both(..) => unreachable!("only where moments meet"),
            Act::Limit(kind, span, body) => {
                let deadline = at + span.nanos;
                let cancel = Some((deadline, "Deadline".to_owned()));
                let frame = Frame { cancel, deadline, ..around.plain() };
                let end = self.node(body, at, &frame, task, nursery);
                match end.how {
                    How::Yields if deadline <= end.at => match kind {
                        Kind::MoveOn => gives(end.at, Ok(())),
                        _ => gives(end.at, Err(Fault::Elapsed(id))),
                    },
                    _ => end,
                }
            }
            Act::Scope { deadline, cancel, shield, body } => {
                let deadline = deadline.map_or(NEVER, |span| at + span.nanos);
                let explicit = cancel.map_or(NEVER, |span| at + span.nanos);
                let cancel = match deadline.min(explicit) {
                    NEVER => None,
                    when if when == deadline => Some((when, "Deadline".to_owned())),
                    when => Some((when, format!("scope {id}"))),
                };
                let when = cancel.as_ref().map_or(NEVER, |cancel| cancel.0);
                let frame = Frame { cancel, deadline, shield: *shield, ..around.plain() };
                let end = self.node(body, at, &frame, task, nursery);
                let (called, caught) = (when <= end.at, matches!(end.how, How::Yields));
                match end.how {
                    How::Yields if !called => end,
                    How::Yields | How::Gives(_) => {
                        self.say(end.at, id, format!("called {called}, caught {caught}"));
                        if caught { gives(end.at, Ok(())) } else { end }
                    }
                    How::Panics | How::CutOff => end,
                }
            }
            Act::Cleanup { limit, body, cleanup } => {
                let outcome = self.node(body, at, &around.plain(), task, nursery);
                if matches!(outcome.how, How::CutOff) {
                    return outcome;
                }
                let own = limit.map_or(NEVER, |span| outcome.at + span.nanos);
                let cut = own.min(around.cut);
                let frame = Frame { shield: true, cut, ..around.plain() };
                self.say(outcome.at, id, "cleans up");
                let end = self.node(cleanup, outcome.at, &frame, task, nursery);
                match end.how {
                    How::Gives(_) => End { at: end.at, ..outcome },
                    How::CutOff if own < around.cut => End { at: own, ..outcome },
                    How::CutOff | How::Panics => end,
                    How::Yields => unreachable!("a clean-up is shielded"),
                }
            }
            Act::Catch { tells, body } => {
                let late = around.scope_cause(at);
                let end = self.node(body, at, &around.plain(), task, nursery);
                let How::Yields = end.how else { return end };
                let cause = late.map(Cause::Scope).or_else(|| around.cause(task, end.at));
                let why = match cause.expect("a node yields to something") {
                    Cause::Scope(why) => why,
                    Cause::Task(why) => {
                        task.over = task.asked(end.at);
                        why
                    }
                };
                let still = around.cause(task, end.at).is_some();
                self.say(end.at, id, format!("catches {why}, in effect {still}"));
                match tells {
                    true => gives(end.at, Err(Fault::Cancelled(id, why))),
                    false => gives(end.at, Ok(())),
                }
            }
            Act::Group { .. } => self.group(node, at, around, task),
            Act::Spawn(child) => {
                nursery.spawn(at, child);
                gives(at, Ok(()))
            }
        }
    }

    fn leaf(
        &mut self,
        id: u32,
        at: Moment,
        span: Span,
        how: How,
        around: &Frame,
        task: &Task,
    ) -> End {
        let (value, yields) = (at + span.nanos, around.effect(task, at));
        let deadline = if yields <= at { around.deadline().min(at) } else { around.deadline() };
        if deadline != NEVER {
            self.say(at, id, format!("until {deadline}"));
        }
        // What is ready goes first.
        if value <= yields.min(around.cut) {
            End { at: value, how }
        } else if yields <= around.cut {
            End { at: yields, how: How::Yields }
        } else {
            End { at: around.cut, how: How::CutOff }
        }
    }

    fn group(&mut self, node: &Node, at: Moment, around: &Frame, task: &mut Task) -> End {
        let Act::Group { policy, cancel, .. } = &node.act else { unreachable!("asked by `act`") };
        let mut ending = cancel.map(|span| Ending {
            at: at + span.nanos,
            why: format!("group {}", node.id),
            by: By::Outside,
        });
        let (before, lines) = (task.clone(), self.lines.len());
        let attempt = loop {
            let attempt = self.attempt(node, at, around, task, ending.as_ref());
            match attempt.cause {
                Some(earlier) if ending.as_ref().is_none_or(|ending| earlier.at < ending.at) => {
                    ending = Some(earlier);
                    *task = before.clone();
                    self.lines.truncate(lines);
                }
                _ => break attempt,
            }
        };
        let Attempt { body, end, mut errors, panics, heard, .. } = attempt;
        let is_by = |by| ending.as_ref().is_some_and(|ending| ending.by == by);
        let (dropped, heard) = (is_by(By::Drop), heard || is_by(By::Around));
        if dropped || end > around.cut || matches!(body.how, How::CutOff) {
            return End { at: around.cut, how: How::CutOff };
        }
        if *policy == ErrorPolicy::Collect {
            errors.retain(|(_, _, by)| *by == By::Body);
        }
        let mut errors: Vec<_> = errors.into_iter().map(|(_, fault, _)| fault).collect();
        errors.sort();
        let how = match body.how {
            _ if panics => How::Panics,
            _ if errors.is_empty() && heard && around.cause(task, end).is_some() => How::Yields,
            How::Gives(Ok(())) if errors.is_empty() => How::Gives(Ok(())),
            _ => How::Gives(Err(Fault::Group(node.id, errors))),
        };
        End { at: end, how }
    }

    fn attempt(
        &mut self,
        node: &Node,
        at: Moment,
        around: &Frame,
        task: &mut Task,
        ending: Option<&Ending>,
    ) -> Attempt {
        let Act::Group { policy, limit, body: inside, children, .. } = &node.act else {
            unreachable!("asked by `act`")
        };
        let told = |who| {
            let knows =
                |ending: &&Ending| ending.by != who && (ending.by, who) != (By::Around, By::Body);
            ending.filter(knows).map(|ending| (ending.at, ending.why.clone()))
        };
        let mut nursery = Nursery { closes: Some(around.cut), ..Nursery::default() };
        children.iter().for_each(|child| nursery.spawn(at, child));
        nursery.by = By::Body;
        let cancel = told(By::Body).filter(|(at, _)| *at < around.cut);
        let frame = Frame { cancel, ..around.plain() };
        let body = self.node(inside, at, &frame, task, &mut nursery);

        let mut causes = Vec::new();
        let mut errors = Vec::new();
        let mut panics = false;
        let mut look = |end: &End, by| {
            let why = match &end.how {
                How::Gives(Err(fault)) => {
                    errors.push((end.at, fault.clone(), by));
                    (*policy == ErrorPolicy::CancelSiblings).then_some("a sibling failed")
                }
                How::Panics => {
                    panics = true;
                    Some("a sibling panicked")
                }
                How::Gives(Ok(())) | How::Yields | How::CutOff => None,
            };
            causes.extend(why.map(|why| Ending { at: end.at, why: why.to_owned(), by }));
        };
        look(&body, By::Body);
        let mut last = body.at;
        // When each place of the limit is free; without a limit there is always another one.
        let mut places = vec![0; limit.unwrap_or(0)];
        let mut freed = Vec::new();
        let mut newcomer = None;
        while let Some(((at, number), (by, child))) = nursery.waiting.pop_first() {
            if limit.is_some() && number >= children.len() {
                // A newcomer may take a turn that has just become free before those in line have woken up;
                // of two, by different tasks, that come in one moment, either may be the first.
                self.open |= freed.contains(&at)
                    || newcomer.is_some_and(|(when, who)| when == at && who != by);
                newcomer = Some((at, by));
            }
            nursery.by = By::Child(child.node.id);
            let place = places.iter_mut().min();
            let begins = place.as_ref().map_or(at, |free| at.max(**free));
            let asked = told(By::Child(child.node.id));
            if let Some(ending) = ending.filter(|ending| ending.at == at) {
                self.open |= !matches!(ending.by, By::Body | By::Around) || inside.has_groups();
            }
            let end = self.task(child, &Birth { at, begins, asked }, &mut nursery);
            if let Some(place) = place.filter(|_| end.at >= begins) {
                *place = end.at;
                freed.push(end.at);
            }
            look(&end, By::Child(child.node.id));
            last = last.max(end.at);
        }
        // What is around is heard once the body waits, or has ended and children are left.
        let effect = around.effect(task, body.at);
        let heard = match body.how {
            How::Yields => effect <= last,
            _ => effect < last,
        };
        if heard
            && effect < around.cut
            && let Some(Cause::Scope(why) | Cause::Task(why)) = around.cause(task, effect)
        {
            causes.push(Ending { at: effect, why, by: By::Around });
        }
        if last > around.cut {
            let why = "the block of the group was dropped".to_owned();
            causes.push(Ending { at: around.cut, why, by: By::Drop });
        }
        let cause = causes.into_iter().min_by_key(|ending| ending.at);
        Attempt { body, end: last, errors, panics, heard, cause }
    }
}
