//! `clock`: time.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::bindings::ironbark::driver::clock::Host;
use crate::state::State;

/// What `monotonic` counts from: says nothing about when the machine started.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A call that is past its deadline is ended within this.
const PAST_DEADLINE: Duration = Duration::from_secs(5);

impl Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.count_host_call()?;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(milliseconds(since))
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        self.count_host_call()?;
        Ok(milliseconds(START.elapsed()))
    }

    async fn sleep(&mut self, milliseconds: u32) -> wasmtime::Result<()> {
        self.count_host_call()?;
        // A sleep beyond the call's deadline doesn't end early: the call ends within it, and does so as late.
        let longest = self.remaining() + PAST_DEADLINE;
        let duration = Duration::from_millis(u64::from(milliseconds)).min(longest);
        State::sleep(self, duration).await;
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
