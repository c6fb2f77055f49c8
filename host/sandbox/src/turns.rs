//! Turns: how the guests of one package share the guest runtime with each other and with other packages.
//!
//! Of one package, only so many guests may be in the runtime's queue at a time. The others wait in a fair queue of the
//! package's own. A guest gives its turn back whenever it waits, and after each millisecond of computing. So a package
//! with a thousand computing guests delays a guest of another package by a few milliseconds, and not by a thousand.
//!
//! A package that calls the host too often gets no turn at all until it may again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use crate::driver::Package;
use crate::state::Meter;
use crate::ticker::Ticker;

/// A guest's future that is polled only while it has a turn.
pub(crate) struct Turns<F> {
    guest: Pin<Box<F>>,
    package: Arc<Package>,
    io: Handle,
    pause: Option<Pin<Box<Sleep>>>,
    waiting: Option<BoxFuture<'static, Option<OwnedSemaphorePermit>>>,
    ticker: Arc<Ticker>,
    meter: Arc<Meter>,
}

impl<F: Future> Turns<F> {
    pub(crate) fn new(
        guest: F,
        package: Arc<Package>,
        ticker: Arc<Ticker>,
        meter: Arc<Meter>,
        io: Handle,
    ) -> Self {
        Self {
            guest: Box::pin(guest),
            package,
            io,
            pause: None,
            waiting: None,
            ticker,
            meter,
        }
    }

    /// Waits as long as the package calls the host too often.
    fn poll_pace(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                std::task::ready!(pause.poll_unpin(context));
                self.pause = None;
            }
            let Some(debt) = self.package.pace.debt() else {
                return Poll::Ready(());
            };
            self.package.counters.throttled(debt);
            let _io = self.io.enter();
            self.pause = Some(Box::pin(tokio::time::sleep(debt)));
        }
    }

    /// A turn, at once if one is free and nobody waits.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        if self.waiting.is_none() {
            let turns = Arc::clone(&self.package.turns);
            if let Ok(turn) = Arc::clone(&turns).try_acquire_owned() {
                return Poll::Ready(Some(turn));
            }
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
        let _turn = loop {
            // Who waits for a turn goes on with that: it may have been given already, and others would wait for it in vain.
            if this.waiting.is_none() {
                std::task::ready!(this.poll_pace(context));
            }
            let turn = std::task::ready!(this.poll_turn(context));
            if this.package.pace.debt().is_none() {
                break turn;
            }
        };
        let _running = this.ticker.run();
        let began = Instant::now();
        let result = this.guest.as_mut().poll(context);
        this.meter.add_turn(began.elapsed());
        result
    }
}
