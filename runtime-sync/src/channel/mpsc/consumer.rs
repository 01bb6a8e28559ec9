//! Receiving: look, wait, look again.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll, ready};

use super::chan::{Consumer, Sleep};
use super::error::TryRecvError;
use super::gate::Word;
use super::line::Deferred;
use crate::budget::{poll_unit, unit_now};
use crate::contention::Backoff;
use crate::first_try::first_try;
use crate::panics::LetGo;
use crate::primitives::Arc;

/// What there is at the head.
enum Look {
    /// A message.
    Written,
    /// A slot that a sender has taken and is about to write.
    Taken,
    /// Nothing, but there may come something.
    Nothing(Word),
    /// Nothing, for ever.
    Ended,
}

impl<T, const BLOCK: usize> Consumer<T, BLOCK> {
    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match self.recv_now() {
            Some(value) => Poll::Ready(Some(value)),
            None => self.poll_next(cx),
        }
    }

    /// Waits for a message, after there seemed to be none.
    #[inline(never)]
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let unit = ready!(poll_unit(cx));
        let value = match ready!(self.poll_arrival(cx)) {
            // A message that was seen there stays there: this is the only consumer.
            true => self.pop(),
            false => None,
        };
        unit.spend();
        if value.is_some() {
            self.chan.serve_calmly();
        }
        Poll::Ready(value)
    }

    /// Takes a message that is there, on behalf of a task: it spends a unit of its budget, and takes
    /// nothing if there is none.
    #[inline]
    fn recv_now(&mut self) -> Option<T> {
        let unit = unit_now()?;
        let value = self.pop()?;
        unit.spend();
        self.chan.serve_calmly();
        Some(value)
    }

    /// Receives the next message, and waits for it.
    #[inline]
    pub(super) fn recv(&mut self) -> impl Future<Output = Option<T>> {
        first_try(
            self,
            |this| this.recv_now(),
            |_, value| Some(value),
            |this| {
                let mut was_tried = true;
                poll_fn(move |cx| match mem::take(&mut was_tried) {
                    true => this.poll_next(cx),
                    false => this.poll_recv(cx),
                })
            },
        )
    }

    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let unit = ready!(poll_unit(cx));
        let any = self.has_message() || ready!(self.poll_arrival(cx));
        unit.spend();
        if !any {
            return Poll::Ready(0);
        }
        // The vector grows before anything is taken out, so that nothing is lost if it cannot.
        let count = self.chan.len().min(limit);
        buffer.reserve(count);
        let before = buffer.len();
        for _ in 0..count {
            let Some(value) = self.pop() else { break };
            buffer.push(value);
        }
        // Room is handed on once for all.
        self.chan.serve();
        Poll::Ready(buffer.len() - before)
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let backoff = Backoff::new();
        loop {
            if let Some(value) = self.pop() {
                self.chan.serve_calmly();
                return Ok(value);
            }
            match self.look() {
                Look::Written => {}
                // Another message may be behind it, whose sender is done. It is a matter of some
                // instructions.
                Look::Taken => backoff.snooze(),
                Look::Nothing(_) => return Err(TryRecvError::Empty),
                Look::Ended => return Err(TryRecvError::Disconnected),
            }
        }
    }

    /// Waits until there is a message at the head, or there will be none: then it is `false`.
    #[inline]
    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            match self.look() {
                Look::Written => return Poll::Ready(true),
                Look::Ended => return Poll::Ready(false),
                Look::Taken if self.spin_until(|this| this.has_message()) => {}
                Look::Nothing(word) => match self.sleep(word, cx.waker()) {
                    Sleep::Asleep => return Poll::Pending,
                    Sleep::Changed => {}
                    Sleep::Busy if self.spin_until(|this| !this.chan.receiver.is_held()) => {}
                    Sleep::Busy => break,
                },
                Look::Taken => break,
            }
        }
        // A sender is in the middle of something short, and seems to have lost its processor.
        // Others may use this one.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn look(&mut self) -> Look {
        let head = self.chan.position();
        let word = self.chan.gate().load();
        match word.len(head) {
            0 if word.is_ended(head) => Look::Ended,
            0 => Look::Nothing(word),
            _ if self.has_message() => Look::Written,
            _ => Look::Taken,
        }
    }

    /// Waits for a moment. Returns whether it sufficed.
    fn spin_until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let backoff = Backoff::new();
        while !backoff.is_completed() {
            if is_so(self) {
                return true;
            }
            backoff.snooze();
        }
        false
    }

    pub(super) fn close(&mut self) {
        self.chan.gate().close();
        self.chan.wake_all_senders();
    }
}

impl<T, const BLOCK: usize> Drop for Consumer<T, BLOCK> {
    fn drop(&mut self) {
        let chan = Arc::clone(&self.chan);
        let waker = LetGo(self.abandon());
        // Each of these happens even if a waker or the drop of a message panics.
        let _waker = Deferred(Some(|| drop(waker)));
        let _messages = Deferred(Some(|| self.drop_all()));
        chan.wake_all_senders();
    }
}

impl<T, const BLOCK: usize> Consumer<T, BLOCK> {
    /// Drops what is queued. What a sender is still writing after a moment is dropped with the
    /// channel.
    fn drop_all(&mut self) {
        loop {
            self.drop_messages();
            match self.look() {
                Look::Written => {}
                Look::Taken if self.spin_until(|this| this.has_message()) => {}
                _ => return,
            }
        }
    }
}
