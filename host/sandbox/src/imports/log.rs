//! `log`: a driver's lines in the host's log.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::bindings::ironbark::driver::log::{Host, Level};
use crate::call::clean;
use crate::state::State;

/// Longest line, in bytes (the contract's bound).
const MAX_LINE: usize = 4096;

/// Counts the lines of one package, second by second.
#[derive(Default)]
pub(crate) struct LogGate {
    second: Mutex<Option<Second>>,
}

struct Second {
    began: Instant,
    lines: u32,
    dropped: u32,
}

impl LogGate {
    /// Whether a line may pass. When a second with dropped lines is over: how many they were.
    fn pass(&self, most: u32) -> (bool, Option<u32>) {
        let Ok(mut guard) = self.second.lock() else {
            return (false, None);
        };
        let now = Instant::now();
        let mut report = None;
        let fresh = || Second {
            began: now,
            lines: 0,
            dropped: 0,
        };
        let second = guard.get_or_insert_with(fresh);
        if now.duration_since(second.began) >= Duration::from_secs(1) {
            report = Some(second.dropped).filter(|dropped| *dropped > 0);
            *second = fresh();
        }
        if second.lines < most {
            second.lines += 1;
            (true, report)
        } else {
            second.dropped = second.dropped.saturating_add(1);
            (false, report)
        }
    }
}

impl Host for State {
    fn write(&mut self, level: Level, message: String, fields: String) -> wasmtime::Result<()> {
        self.count_host_call()?;
        let (pass, dropped) = self.package.log.pass(self.limits.log_lines_per_second);
        let name = &self.package.name;
        if let Some(dropped) = dropped {
            tracing::warn!(package = %name.name, dropped, "driver log lines were dropped: too many in a second");
        }
        if !pass {
            self.package.counters.log_line_dropped();
            return Ok(());
        }
        let message = clean(&message, MAX_LINE, &self.context.secrets);
        let fields = clean(&fields, MAX_LINE, &self.context.secrets);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "ironbark::driver",
                    package = %name.name,
                    version = %name.version,
                    implementation = %self.implementation,
                    node = %self.context.node_label,
                    request_id = %self.context.request_id,
                    fields,
                    "{message}"
                )
            };
        }
        match level {
            Level::Error => line!(error),
            Level::Warn => line!(warn),
            Level::Info => line!(info),
            Level::Debug => line!(debug),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_rate_are_dropped() {
        let gate = LogGate::default();
        let passed = (0..50).filter(|_| gate.pass(10).0).count();
        assert_eq!(passed, 10);
    }
}
