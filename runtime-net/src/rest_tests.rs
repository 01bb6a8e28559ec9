//! How long a listener rests, and whom an earlier pause spares none; on a clock that stands still.

use std::future::poll_fn;
use std::task::Waker;

use runtime_core::runtime::Builder;
use runtime_core::time::advance;

use super::*;

fn poll(rest: &Rest) -> Poll<()> {
    rest.poll(&mut Context::from_waker(Waker::noop()))
}

fn run<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(future)
}

#[test]
fn each_failure_is_followed_by_a_pause() {
    run(async {
        let rest = Rest::default();
        assert!(poll(&rest).is_ready());
        for _ in 0..2 {
            let start = Instant::now();
            rest.begin();
            rest.pause().await;
            assert_eq!(start.elapsed(), PAUSE);
            rest.pause().await;
            assert_eq!(start.elapsed(), PAUSE);
            rest.begin();
            poll_fn(|cx| rest.poll(cx)).await;
            assert_eq!(start.elapsed(), 2 * PAUSE);
            assert!(poll(&rest).is_ready());
        }
    });
}

/// One that was not waited for to its end, as another task took the connection, say.
#[test]
fn a_pause_that_was_left_is_none_for_the_next_failure() {
    run(async {
        let rest = Rest::default();
        rest.begin();
        assert!(poll(&rest).is_pending());
        rest.pause().await;
        rest.begin();
        assert!(poll(&rest).is_pending());
        advance(PAUSE / 2).await;
        assert!(poll(&rest).is_pending());
        advance(PAUSE / 2).await;
        assert!(poll(&rest).is_ready());
    });
}

#[test]
fn a_failure_within_the_pause_of_another_task_makes_it_longer() {
    run(async {
        let rest = Rest::default();
        rest.begin();
        let start = Instant::now();
        advance(PAUSE / 2).await;
        rest.begin();
        advance(PAUSE / 2).await;
        assert!(poll(&rest).is_pending(), "the first pause is over, the second is not");
        rest.pause().await;
        assert_eq!(start.elapsed(), PAUSE / 2 * 3);
    });
}
