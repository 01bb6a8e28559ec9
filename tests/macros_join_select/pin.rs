//! `pin!`: names stay.

use crate::*;

#[test]
fn variables_keep_their_names() {
    block_on(async {
        let (a, b) = (ready_at(2), ready_at(1));
        other::pin!(a, b);
        assert_eq!((&mut a).await + b.await, 3);
    });
}

#[test]
fn declarations_are_pinned_in_one_step() {
    block_on(async {
        other::pin! {
            let a = ready_at(2);
            let b = ready_at(1);
        }
        let a: Pin<&mut _> = a;
        assert_eq!(a.await + b.await, 3);
    });
}
