//! What another process used: CPU time to the nanosecond, and memory.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// Watches one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    pid: u32,
    clock: ClockId,
}

impl Meter {
    /// A meter for the process of this number.
    pub(crate) fn new(pid: u32) -> Result<Self> {
        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?))
            .context("the process has no CPU clock")?;
        Ok(Self { pid, clock })
    }

    /// CPU time of all its threads since it began, those that ended included.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        Ok(Duration::from(
            self.clock.now().context("the CPU clock can't be read")?,
        ))
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kib: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("the process shows no resident memory")?
            .parse()?;
        Ok(kib / 1024.0)
    }
}
