//! The pure parts of the time module, and what types promise.
#![allow(clippy::disallowed_methods)]
// Some sleeps leave their block unawaited on purpose.
#![allow(clippy::async_yields_async)]

use super::*;
use crate::runtime::Builder;
use runtime_sync::block_on::block_on;

const MS: Duration = Duration::from_millis(1);

/// Drives `behavior` through the moments at which a tick is asked for, in milliseconds after the
/// start, with a period of 50 ms, and returns the moments at which ticks came.
fn ticks(behavior: MissedTickBehavior, asked: &[u32]) -> Vec<u32> {
    let start = Instant::now();
    let mut due = start;
    asked
        .iter()
        .map(|&ms| {
            let now = (start + MS * ms).max(due);
            due = behavior.next(due, now, 50 * MS);
            (now - start).as_millis() as u32
        })
        .collect()
}

#[test]
fn burst_catches_up_and_keeps_the_number_of_ticks() {
    let asked = [0, 10, 270, 270, 270, 270, 270, 271];
    assert_eq!(ticks(MissedTickBehavior::Burst, &asked), [0, 50, 270, 270, 270, 270, 300, 350]);
}

#[test]
fn delay_never_ticks_closer_than_a_period_after_a_missed_tick() {
    let asked = [0, 10, 270, 270, 271, 380];
    assert_eq!(ticks(MissedTickBehavior::Delay, &asked), [0, 50, 270, 320, 370, 420]);
}

#[test]
fn delay_does_not_drift_by_lateness_within_its_allowance() {
    let asked = [0, 55, 105, 155, 200];
    assert_eq!(ticks(MissedTickBehavior::Delay, &asked), [0, 55, 105, 155, 200]);
    assert_eq!(ticks(MissedTickBehavior::Delay, &[0, 56, 56]), [0, 56, 106]);
}

#[test]
fn skip_leaves_out_what_was_missed_and_stays_in_step() {
    let asked = [0, 10, 270, 270, 271, 460];
    assert_eq!(ticks(MissedTickBehavior::Skip, &asked), [0, 50, 270, 300, 350, 460]);
    assert_eq!(ticks(MissedTickBehavior::Skip, &[0, 100, 101]), [0, 100, 150]);
}

#[test]
fn the_next_tick_of_any_period_can_be_computed() {
    let now = Instant::now();
    let far = Instant::from_std(crate::clock::far_future(now.into_std()));
    for behavior in [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip]
    {
        for period in [Duration::from_nanos(1), MS, Duration::MAX / 2, Duration::MAX] {
            for due in [now, far] {
                for late in [Duration::ZERO, MS, Duration::from_secs(1 << 40)] {
                    let next = behavior.next(due, due + late, period);
                    assert!(next >= due, "{behavior:?} {period:?}");
                }
            }
        }
    }
}

#[test]
fn an_instant_behaves_like_stds() {
    let std = std::time::Instant::now();
    let instant = Instant::from(std);
    assert_eq!(std::time::Instant::from(instant), std);
    assert_eq!(format!("{instant:?}"), format!("{std:?}"));
    let mut later = instant;
    later += 3 * MS;
    assert_eq!(later - instant, 3 * MS);
    assert_eq!(instant - later, Duration::ZERO);
    assert_eq!(later - MS, instant + 2 * MS);
    later -= 3 * MS;
    assert_eq!(later, instant);
    assert_eq!(instant.checked_add(Duration::MAX), None);
    assert_eq!(instant.checked_sub(Duration::MAX), None);
    assert_eq!(instant.checked_duration_since(instant + MS), None);
    assert!(instant.plus(Duration::MAX) > instant + Duration::from_secs(1 << 30));
    assert!((instant + Duration::from_secs(3600)).elapsed().is_zero());
}

#[test]
fn timers_are_small_and_can_be_sent_and_shared() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Sleep>();
    send_and_sync::<Interval>();
    send_and_sync::<Timeout<()>>();
    assert!(size_of::<Sleep>() <= 64, "{}", size_of::<Sleep>());
    #[cfg(target_os = "linux")]
    assert_eq!(size_of::<Sleep>(), 56);
}

#[test]
fn without_a_runtime_the_panic_says_so() {
    fn message(f: fn()) -> String {
        let panic = std::panic::catch_unwind(f).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }
    let no_runtime = crate::runtime::context::NO_RUNTIME;
    assert_eq!(message(|| drop(sleep(MS))), no_runtime);
    assert_eq!(message(|| drop(sleep_until(Instant::now()))), no_runtime);
    assert_eq!(message(|| drop(interval(MS))), no_runtime);
    assert_eq!(message(|| drop(interval_at(Instant::now(), MS))), no_runtime);
    assert_eq!(message(pause), no_runtime);
    assert_eq!(message(resume), no_runtime);
}

#[test]
fn a_sleep_that_was_made_inside_is_polled_outside() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (mut made_by_guard, mut made_by_root) = {
        let _inside = runtime.enter();
        let until = Box::pin(sleep_until(Instant::now() + MS));
        (until, runtime.block_on(async { Box::pin(sleep(MS)) }))
    };
    let mut zero = runtime.block_on(async { Box::pin(sleep(Duration::ZERO)) });
    for pause in [&mut made_by_guard, &mut made_by_root, &mut zero] {
        block_on(pause.as_mut());
        assert!(pause.is_elapsed());
    }
    for pause in [&mut made_by_guard, &mut made_by_root] {
        let deadline = Instant::now() + MS;
        pause.as_mut().reset(deadline);
        assert_eq!(pause.deadline(), deadline);
        block_on(pause.as_mut());
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_sleep_that_has_waited_on_a_worker_goes_on_outside() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let waited = runtime.spawn(async {
        let mut pause = Box::pin(sleep(MS));
        pause.as_mut().await;
        pause
    });
    let mut pause = runtime.block_on(waited).unwrap();
    let deadline = Instant::now() + MS;
    pause.as_mut().reset(deadline);
    block_on(pause.as_mut());
    assert!(Instant::now() >= deadline);
}
