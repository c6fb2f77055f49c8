//! What a service saw and did, for tests to look at.

use std::{collections::VecDeque, time::Instant};

/// The last so many requests are kept.
const LOG: usize = 256;

/// One request that a service got.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The status that it was answered with; none if it got no answer.
    pub status: Option<u16>,
    /// Whether it had a session's token.
    pub token: bool,
    /// Whether it had user and password.
    pub basic: bool,
    /// Its `If-Match`.
    pub if_match: Option<String>,
    /// When it came.
    pub at: Instant,
}

/// How a service is now, to be watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The machines.
    pub systems: Vec<SystemSnapshot>,
    /// Sessions that are open.
    pub open_sessions: usize,
    /// Sessions that were opened so far.
    pub sessions_opened: u64,
    /// Sessions that were closed by their users so far.
    pub sessions_closed: u64,
    /// Requests so far.
    pub requests: u64,
    /// Connections that were accepted so far.
    pub connections: u64,
    /// Requests that are being answered now.
    pub under_way: usize,
    /// Most requests that were being answered at once.
    pub most_under_way: usize,
}

/// How one machine is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SystemSnapshot {
    /// Whether it has power.
    pub power: bool,
    /// What it last started from: a `BootSource`, such as `Pxe`; `None` for its own choice.
    pub booted_from: Option<String>,
    /// The mode that is set for its next start: `UEFI` or `Legacy`.
    pub boot_mode: String,
    /// How often it started.
    pub boots: u64,
    /// Diagnostic interrupts (NMI) that it got.
    pub diagnostic_interrupts: u64,
    /// Its indicator: `Lit`, `Blinking` or `Off`.
    pub indicator: String,
    /// URL of the image in its virtual CD drive.
    pub media: Option<String>,
}

/// The log and the counters.
#[derive(Debug, Default)]
pub(super) struct Observed {
    pub(super) requests: u64,
    pub(super) connections: u64,
    pub(super) under_way: usize,
    pub(super) most_under_way: usize,
    log: VecDeque<RequestRecord>,
}

impl Observed {
    pub(super) fn begin(&mut self) {
        self.requests += 1;
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
    }

    pub(super) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(super) fn note(&mut self, record: RequestRecord) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(record);
    }

    pub(super) fn log(&self) -> Vec<RequestRecord> {
        self.log.iter().cloned().collect()
    }
}
