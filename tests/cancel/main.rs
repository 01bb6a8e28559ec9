//! Cancellation that lets a task clean up: requests, scopes, timeouts, shields, in virtual time.

#![allow(clippy::disallowed_types, reason = "a test needs no model")]

mod catch;
mod cleanup;
mod edges;
mod groups;
mod on_exit;
mod requests;
mod scope;
#[path = "../support/mod.rs"]
mod support;
mod timeouts;

use filch::time::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// What happened, in order, with the virtual seconds since the log was made.
#[derive(Clone)]
struct Log {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn new() -> Log {
        Log { start: Instant::now(), lines: Arc::default() }
    }

    fn say(&self, what: impl std::fmt::Display) {
        let line = format!("{} {what}", self.start.elapsed().as_secs_f64());
        self.lines.lock().unwrap().push(line);
    }

    #[track_caller]
    fn expect(&self, lines: &[&str]) {
        assert_eq!(*self.lines.lock().unwrap(), lines);
    }
}

/// Says that it was dropped.
struct Dropped(Log, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.say(format_args!("drop {}", self.1));
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn sleep(seconds: u64) {
    filch::time::sleep(secs(seconds)).await;
}

/// Waits for ever, and says when it is dropped.
async fn stuck(log: &Log, name: &'static str) {
    let _dropped = Dropped(log.clone(), name);
    std::future::pending::<()>().await;
}

/// Says so, waits, says so again.
async fn clean(log: Log, name: &'static str, seconds: u64) {
    log.say(format_args!("{name} begins"));
    sleep(seconds).await;
    log.say(format_args!("{name} ends"));
}

/// A value that was set somewhere within one thread.
type Cell<T> = Rc<RefCell<Option<T>>>;
