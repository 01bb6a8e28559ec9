//! What the behaviour tests share: a watchdog, gates, counters of drops and wakes, child processes, hosts
//! of one's own.
#![allow(dead_code, unreachable_pub, missing_docs)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bad_waker;
pub mod streams;
pub mod talker;

use filch::runtime::{Builder, Runtime};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// What panics that belong to a test say first: they are not printed.
pub const ON_PURPOSE: &str = "on purpose";

/// How long any test may take before it counts as hanging: the longest take a minute where the machine
/// has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one step of a test may take.
const STEP: Duration = Duration::from_secs(60);

/// While it lives, the test may take five minutes and no more: a hang becomes an abort that names it.
pub struct Watch {
    _done: mpsc::Sender<()>,
}

/// Begins to watch the test that runs on this thread.
pub fn watch() -> Watch {
    listen_to_panics();
    let name = thread::current().name().unwrap_or("without a name").to_owned();
    let (done, over) = mpsc::channel::<()>();
    let wait = move || {
        if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Not by the macro: what a test's threads print is kept for its end, which does not come.
            let _ = writeln!(std::io::stderr(), "test {name} hangs: aborting after {PATIENCE:?}");
            std::process::abort();
        }
    };
    thread::Builder::new().name("watchdog".to_owned()).spawn(wait).unwrap();
    Watch { _done: done }
}

// ── runtimes ─────────────────────────────────────────────────────────────────────────────────────

pub fn multi(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().unwrap()
}

pub fn current() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// Runs a test on every flavour.
pub fn on_each_flavour(test: impl Fn(Runtime)) {
    test(current());
    test(multi(1));
    test(multi(2));
    test(multi(4));
}

/// Waits, without a say in how long, until something is so. The watchdog limits it.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

// ── panics ───────────────────────────────────────────────────────────────────────────────────────

thread_local! {
    static CAUGHT_HERE: Cell<usize> = const { Cell::new(0) };
    static LAST_AT: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map(|at| (at.file().to_owned(), at.line()));
            let _ = LAST_AT.try_with(|last| *last.borrow_mut() = at);
            let purpose = said(info.payload()).starts_with(ON_PURPOSE);
            let caught = CAUGHT_HERE.try_with(Cell::get).unwrap_or(0) > 0;
            if !purpose && !caught {
                before(info);
            }
        }));
    });
}

/// What `f` panics with.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    listen_to_panics();
    CAUGHT_HERE.set(CAUGHT_HERE.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(|| drop(f())));
    CAUGHT_HERE.set(CAUGHT_HERE.get() - 1);
    match result {
        Ok(()) => panic!("no panic where one was due"),
        Err(payload) => said(&*payload),
    }
}

/// As [`panic_of`]; the panic must name a line of the caller's file, within the call.
#[track_caller]
pub fn panic_here<R>(f: impl FnOnce() -> R) -> String {
    let caller = Location::caller();
    let message = panic_of(f);
    let at = LAST_AT.with(|last| last.borrow().clone()).expect("a panic has a location");
    assert_eq!(at.0, caller.file(), "{message:?} at line {}", at.1);
    assert!((caller.line()..caller.line() + 8).contains(&at.1), "{message:?} at {at:?}");
    message
}

/// What a payload says.
pub fn said(payload: &dyn std::any::Any) -> String {
    let string = payload.downcast_ref::<String>().cloned();
    string.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default()
}

/// Panics when it is dropped.
pub struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: in drop");
    }
}

// ── counters ─────────────────────────────────────────────────────────────────────────────────────

/// Counts how many of its guards live, and how many ever did.
#[derive(Clone, Default)]
pub struct Census {
    born: Arc<AtomicUsize>,
    dead: Arc<AtomicUsize>,
}

impl Census {
    pub fn guard(&self) -> Citizen {
        self.born.fetch_add(1, SeqCst);
        Citizen(self.dead.clone())
    }

    pub fn born(&self) -> usize {
        self.born.load(SeqCst)
    }

    pub fn dead(&self) -> usize {
        self.dead.load(SeqCst)
    }
}

/// Is counted while it lives.
pub struct Citizen(Arc<AtomicUsize>);

impl Drop for Citizen {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A waker that counts its wakes. Its `Arc`'s count says who holds it still.
#[derive(Default)]
pub struct Bell(AtomicUsize);

impl Bell {
    pub fn new() -> (Arc<Bell>, Waker) {
        let bell = Arc::new(Bell::default());
        (bell.clone(), Waker::from(bell))
    }

    pub fn rang(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Calls a function when it is woken.
pub struct OnWake<F>(pub F);

impl<F: Fn() + Send + Sync + 'static> Wake for OnWake<F> {
    fn wake(self: Arc<OnWake<F>>) {
        (self.0)();
    }
}

// ── futures ──────────────────────────────────────────────────────────────────────────────────────

/// Waits for what does not take long, unless it hangs.
#[track_caller]
pub fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    async move {
        let outcome = filch::time::timeout(STEP, future).await;
        outcome.unwrap_or_else(|_| panic!("hangs, at {caller}"))
    }
}

/// Polls once, in the name of the task.
pub async fn once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Polls once, in the name of nobody; `None` if it has to wait, and is dropped.
pub fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Polls once.
pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

// ── gates ────────────────────────────────────────────────────────────────────────────────────────

/// Closed at first, then open for ever. Tasks await it, threads wait for it.
#[derive(Clone, Default)]
pub struct Gate(Arc<Bars>);

#[derive(Default)]
struct Bars {
    open: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Gate {
    pub fn new() -> Gate {
        Gate::default()
    }

    pub fn open(&self) {
        self.0.open.store(true, SeqCst);
        let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap());
        waiting.into_iter().for_each(Waker::wake);
    }

    pub fn is_open(&self) -> bool {
        self.0.open.load(SeqCst)
    }

    /// How many wakers were left here.
    pub fn waiting(&self) -> usize {
        self.0.waiting.lock().unwrap().len()
    }

    pub async fn pass(&self) {
        poll_fn(|cx| {
            if self.is_open() {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            self.0.waiting.lock().unwrap().push(waker);
            if self.is_open() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Blocks this thread.
    pub fn block(&self) {
        until(|| self.is_open());
    }
}

/// Gives the task's waker out, then waits to be woken once.
pub async fn hand_out_waker(send: impl FnOnce(Waker)) {
    let mut send = Some(send);
    poll_fn(|cx| match send.take() {
        Some(send) => {
            send(cx.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}

// ── processes ────────────────────────────────────────────────────────────────────────────────────

const CHILD: &str = "FILCH_TEST_CHILD";

/// Whether this process was started by [`in_child`].
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this binary again, alone in a process of its own, after the shell commands in
/// `limits`. True: this is the child, go on. False: it ended well, return; or nobody can set limits here.
#[track_caller]
pub fn in_child(test: &str, limits: &str) -> bool {
    if is_child() {
        return true;
    }
    if cfg!(windows) && !limits.is_empty() {
        return false;
    }
    let output = run_child(test, limits, &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{also}", output.status);
    assert!(said.contains("1 passed"), "no test is called {test}");
    false
}

/// Runs one test of this binary in a child.
pub fn run_child(test: &str, limits: &str, environment: &[(&str, &str)]) -> Output {
    let me = std::env::current_exe().unwrap();
    let mut command = match limits {
        "" => Command::new(me),
        limits => {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("{limits}\nexec \"$0\" \"$@\"")]).arg(me);
            command
        }
    };
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// How many threads and descriptors this process has.
#[cfg(target_os = "linux")]
pub fn threads_and_descriptors() -> (usize, usize) {
    let count = |path| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// The memory of this process that is in use, in bytes.
#[cfg(target_os = "linux")]
pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

// ── hosts ────────────────────────────────────────────────────────────────────────────────────────

/// An address of this machine that nobody else uses: a port of it that was given back stays free, while
/// one of 127.0.0.1 is soon another test's.
pub fn own_host() -> Ipv4Addr {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if cfg!(not(target_os = "linux")) {
        return Ipv4Addr::LOCALHOST;
    }
    // All of 127.0.0.0/8 is this machine.
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 1 + (COUNT.fetch_add(1, SeqCst) % 254) as u8, high, low)
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits so long, then gives or fails.
pub async fn after<T>(seconds: u64, outcome: T) -> T {
    filch::time::sleep(secs(seconds)).await;
    outcome
}
