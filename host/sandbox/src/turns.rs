//! Turns: how the guests of one package share the guest runtime with each other and with other packages.
//!
//! Of one package, only so many guests may be in the runtime's queue at a time. The others wait in a fair queue of the
//! package's own. A guest gives its turn back whenever it waits, and after each millisecond of computing. So a package
//! with a thousand computing guests delays a guest of another package by a few milliseconds, and not by a thousand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::state::Meter;
use crate::ticker::Ticker;

/// A guest's future that is polled only while it has a turn.
pub(crate) struct Turns<F> {
    guest: Pin<Box<F>>,
    turns: Arc<Semaphore>,
    waiting: Option<BoxFuture<'static, Option<OwnedSemaphorePermit>>>,
    ticker: Arc<Ticker>,
    meter: Arc<Meter>,
}

impl<F: Future> Turns<F> {
    pub(crate) fn new(
        guest: F,
        turns: Arc<Semaphore>,
        ticker: Arc<Ticker>,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            guest: Box::pin(guest),
            turns,
            waiting: None,
            ticker,
            meter,
        }
    }

    /// A turn, at once if one is free and nobody waits.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        if self.waiting.is_none() {
            if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
                return Poll::Ready(Some(turn));
            }
            let turns = Arc::clone(&self.turns);
            self.waiting = Some(turns.acquire_owned().map(Result::ok).boxed());
        }
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(None);
        };
        let turn = std::task::ready!(waiting.poll_unpin(context));
        self.waiting = None;
        Poll::Ready(turn)
    }
}

impl<F: Future> Future for Turns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // The semaphore is never closed, so there always is a turn in the end.
        let _turn = std::task::ready!(this.poll_turn(context));
        let _running = this.ticker.run();
        let began = Instant::now();
        let result = this.guest.as_mut().poll(context);
        this.meter.add_turn(began.elapsed());
        result
    }
}
