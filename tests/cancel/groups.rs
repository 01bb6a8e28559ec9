//! Who in a group is given up because of a failure, and what it does not get to see.

use super::support::{after, secs};
use filch::cancel::{CancelSource, catch_cancel};
use filch::task_group::{ChildError, Started};
use filch::time::sleep;
use filch::{TaskGroup, spawn};
use std::future::pending;

#[filch::test(start_paused = true)]
async fn who_waits_for_the_child_that_fails_is_given_up_and_need_not_care() {
    let outcome = TaskGroup::scope(|group| async move {
        let fails = group.spawn(after(1, Err::<(), _>("failed")));
        let told = group.spawn(async move {
            let told = catch_cancel(fails).await;
            assert_eq!(told.unwrap_err().reason().source(), CancelSource::Sibling);
            Ok(())
        });
        told.await.expect("the body is not told of it either");
        Ok(())
    });
    assert_eq!(outcome.await.unwrap_err().into_single(), Ok("failed"));

    let outcome = TaskGroup::scope(|group| async move {
        let (sender, receiver) = filch::sync::oneshot::channel();
        group.spawn(after(100, Ok(sender)));
        group.spawn(after(1, Err::<(), _>("failed")));
        Ok(receiver.await.map(|()| "sent").expect("what a sibling leaves behind is not met either"))
    });
    assert_eq!(outcome.await.unwrap_err().into_single(), Ok("failed"));

    let outcome = TaskGroup::scope(|group| async move {
        let starts = group.start(|_: Started<()>| after(1, Err("failed")));
        starts.await.expect("nor is who waits for the start");
        Ok(())
    });
    assert_eq!(outcome.await.unwrap_err().into_single(), Ok("failed"));
}

#[filch::test(start_paused = true)]
async fn the_body_of_a_group_that_is_ended_early_goes_no_further_than_to_where_it_waits() {
    let outcome = TaskGroup::<()>::scope(|group| async move {
        let (sender, receiver) = filch::sync::oneshot::channel::<()>();
        group.spawn(after(100, Ok(sender)));
        let other = group.clone();
        group.spawn(async move {
            sleep(secs(1)).await;
            other.cancel("enough");
            Ok(())
        });
        receiver.await.expect("what a child leaves behind is not met");
        Ok(())
    });
    assert!(outcome.await.unwrap_err().errors().is_empty());

    // One that answers is told, and may go on.
    let outcome = TaskGroup::<()>::scope(|group| async move {
        let other = group.clone();
        group.spawn(async move {
            sleep(secs(1)).await;
            other.cancel("enough");
            Ok(())
        });
        Ok(catch_cancel(pending::<()>()).await.is_err())
    });
    assert_eq!(outcome.await, Ok(true));

    // One that has not begun yet begins.
    let outcome = TaskGroup::<()>::scope(|group| {
        group.cancel("before it has begun");
        async { Ok("has not to wait") }
    });
    assert_eq!(outcome.await, Ok("has not to wait"));
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocks_in_a_task_that_is_cancelled_is_told_of_the_child() {
    let outcome = TaskGroup::<()>::scope(|group| async move {
        let child = group.spawn(pending::<Result<(), ()>>());
        let (ends, (sender, receiver)) = (child.abort_handle(), filch::sync::oneshot::channel());
        let blocks = spawn(async move {
            sender.send(()).unwrap();
            filch::task::block_in_place(|| filch::runtime::Handle::current().block_on(child))
        });
        receiver.await.unwrap();
        blocks.cancel("nothing that blocks can be given up");
        ends.abort();
        assert_eq!(blocks.await.unwrap(), Err(ChildError::Cancelled(None)));
        Ok(())
    });
    outcome.await.unwrap();
}
