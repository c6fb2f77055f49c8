//! What came out.

use std::fmt;

use serde::Serialize;

/// How one check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "snake_case")]
pub enum Verdict {
    /// The driver keeps it.
    Passed,
    /// It doesn't, and how that shows.
    Failed(String),
    /// It can't be checked with this package, and why.
    LeftOut(String),
}

/// One check of one implementation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked: `power/acme`.
    pub subject: String,
    /// What it must keep: `unknown is never off`.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// All checks of a package, in the order in which they ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Report {
    /// Nothing failed, and something was checked.
    pub fn is_good(&self) -> bool {
        self.failed() == 0 && self.passed() > 0
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// How many could not be checked.
    pub fn left_out(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::LeftOut(_)))
    }

    fn count(&self, which: impl Fn(&Verdict) -> bool) -> usize {
        self.checks
            .iter()
            .filter(|check| which(&check.verdict))
            .count()
    }
}

/// One line.
impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            name,
            verdict,
        } = self;
        match verdict {
            Verdict::Passed => write!(formatter, "ok       {subject}: {name}"),
            Verdict::Failed(reason) => write!(formatter, "FAILED   {subject}: {name}: {reason}"),
            Verdict::LeftOut(reason) => write!(formatter, "left out {subject}: {name}: {reason}"),
        }
    }
}
