//! What a BMC saw and did, for tests to look at.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use crate::Command;

/// The last so many commands and sessions are kept.
const LOG: usize = 256;

/// One command that a BMC carried out or refused.
#[derive(Debug, Clone)]
pub struct CommandRecord {
    /// Which command.
    pub command: Command,
    /// Its data.
    pub data: Vec<u8>,
    /// What it was answered with; none if it was left unanswered.
    pub completion_code: Option<u8>,
    /// The session it came in, by the BMC's id; none outside of sessions.
    pub session: Option<u32>,
    /// When it came.
    pub at: Instant,
}

/// How a BMC is now, to be watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Whether the machine has power.
    pub power: bool,
    /// Sessions that are open.
    pub open_sessions: usize,
    /// Commands seen so far.
    pub commands: u64,
    /// What the machine last started from: a boot device selector (IPMI 2.0 table 28-14), 0 for its own choice.
    pub booted_from: Option<u8>,
    /// Diagnostic interrupts (NMI) that the machine got.
    pub diagnostic_interrupts: u64,
    /// How often the BMC restarted.
    pub reboots: u64,
    /// Whether somebody looks at the machine's console.
    pub console_in_use: bool,
}

/// Counters since the BMC was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Datagrams that arrived, lost ones not counted.
    pub packets_in: u64,
    /// Datagrams that left, lost ones not counted, duplicates counted twice.
    pub packets_out: u64,
    /// Datagrams that made no sense or failed a check.
    pub packets_refused: u64,
    /// Sessions that were opened.
    pub sessions_opened: u64,
    /// Sessions that were ended by Close Session.
    pub sessions_closed: u64,
    /// Most sessions that were open at once.
    pub most_sessions: usize,
    /// Session openings refused for want of a slot.
    pub sessions_refused: u64,
    /// How often each command was seen.
    pub commands: HashMap<Command, u64>,
}

/// The log and the counters together.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) stats: Stats,
    pub(crate) total: u64,
    log: VecDeque<CommandRecord>,
    suites: VecDeque<u8>,
}

impl Observed {
    pub(crate) fn note(&mut self, record: CommandRecord) {
        self.total += 1;
        *self.stats.commands.entry(record.command).or_default() += 1;
        push(&mut self.log, record);
    }

    pub(crate) fn note_session(&mut self, suite: u8) {
        self.stats.sessions_opened += 1;
        push(&mut self.suites, suite);
    }

    pub(crate) fn suites(&self) -> Vec<u8> {
        self.suites.iter().copied().collect()
    }

    pub(crate) fn log(&self) -> Vec<CommandRecord> {
        self.log.iter().cloned().collect()
    }
}

fn push<T>(log: &mut VecDeque<T>, entry: T) {
    if log.len() == LOG {
        log.pop_front();
    }
    log.push_back(entry);
}
