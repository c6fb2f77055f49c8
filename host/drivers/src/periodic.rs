//! Tasks that packages want to be run by the clock.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, Offset as _, Utc};
use chrono_tz::Tz;
use cron::TimeUnitSpec as _;
use ironbark_model::{InterfaceKind, ProvisionState};
use ironbark_package::{Metadata, MetadataError, Periodic, PeriodicLock, PeriodicScope};
use ironbark_sandbox::{CallContext, CallError, Completed};

use crate::implementation::Implementation;

/// A time zone, by its IANA name.
pub type TimeZone = Tz;

/// A task of an active package.
#[derive(Clone)]
pub struct PeriodicTask {
    /// The package that brings it.
    pub package: String,
    /// The task's name, unique within the package.
    pub name: String,
    /// Whose nodes it is for.
    pub target: PeriodicTarget,
    /// When it is to be run.
    pub schedule: Schedule,
    /// May run beside other tasks; if not: one after another, at most 5 s each.
    pub parallel: bool,
    /// For each node, or once on each conductor.
    pub scope: PeriodicScope,
    /// Only for nodes in these states; empty means all.
    pub states: Vec<ProvisionState>,
    /// How the node is held meanwhile.
    pub lock: PeriodicLock,
    pub(crate) implementation: Implementation,
}

/// As the metadata have it: `power/acme`, or a hardware type.
impl fmt::Display for PeriodicTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implementation(kind, name) => write!(formatter, "{kind}/{name}"),
            Self::HardwareType(name) => formatter.write_str(name),
        }
    }
}

/// Whose nodes a task is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeriodicTarget {
    /// Nodes with this implementation of this interface.
    Implementation(InterfaceKind, String),
    /// Nodes with this hardware type.
    HardwareType(String),
}

/// When a task is to be run.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// So long after the start of the last run.
    Every(Duration),
    /// At these times of this time zone.
    Cron(Box<cron::Schedule>, Tz),
}

/// As operators read it: `every 60 s`, `0 0 3 * * * (Europe/Berlin)`.
impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(spacing) => write!(formatter, "every {} s", spacing.as_secs()),
            Self::Cron(schedule, zone) => write!(formatter, "{schedule} ({zone})"),
        }
    }
}

impl Schedule {
    /// The first time after `last` at which the task is due; `None` if there never will be one.
    pub fn next_after(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(spacing) => {
                last.checked_add_signed(chrono::Duration::from_std(*spacing).ok()?)
            }
            Self::Cron(schedule, zone) => next_of_cron(schedule, *zone, last),
        }
    }
}

impl PeriodicTask {
    /// What runs the task; also tells the package's version and digest.
    pub fn implementation(&self) -> &Implementation {
        &self.implementation
    }

    /// Whether `other` is this task in another version of the package: of the same name, and for the same nodes.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.package == other.package
            && self.name == other.name
            && self.target == other.target
            && self.scope == other.scope
    }

    /// Runs the task once: for the context's node, or without one (scope `conductor`).
    pub async fn run(&self, context: CallContext) -> Result<Completed<()>, CallError> {
        self.implementation
            .run_periodic(context, self.name.clone())
            .await
    }

    pub(crate) fn new(
        package: &str,
        task: &Periodic,
        implementation: Implementation,
        zone: Tz,
    ) -> Option<Self> {
        let target = match task.on.split_once('/') {
            Some((kind, name)) => {
                PeriodicTarget::Implementation(kind.parse().ok()?, name.to_owned())
            }
            None => PeriodicTarget::HardwareType(task.on.clone()),
        };
        Some(Self {
            package: package.to_owned(),
            name: task.name.clone(),
            target,
            schedule: schedule(task, zone)?,
            parallel: task.parallel,
            scope: task.scope,
            states: task
                .states
                .iter()
                .filter_map(|state| state.parse().ok())
                .collect(),
            lock: task.lock,
            implementation,
        })
    }
}

/// The first time after `last`. What is left out when clocks are put forward is left out; what is repeated when they are put
/// back is due the first time only, unless it is for every hour.
fn next_of_cron(schedule: &cron::Schedule, zone: Tz, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = last.with_timezone(&zone);
    let by_the_clock = schedule
        .after(&local)
        .map(|due| due.with_timezone(&Utc))
        .find(|due| *due > last);
    if !schedule.hours().is_all() {
        return by_the_clock;
    }
    // As if clocks stayed: that knows the repeated hour too.
    let by_the_hour = schedule
        .after(&last.with_timezone(&local.offset().fix()))
        .next()
        .map(|due| due.with_timezone(&Utc))
        .filter(|due| schedule.includes(due.with_timezone(&zone)));
    by_the_clock.into_iter().chain(by_the_hour).min()
}

/// Refuses cron lines that can't be read: the metadata's own rules don't know cron.
pub(crate) fn check_schedules(metadata: &Metadata) -> Result<(), MetadataError> {
    for (index, task) in metadata.periodic.iter().enumerate() {
        let wrong = |key: &str, reason: &str| MetadataError::Rule {
            path: format!("periodic[{index}].{key}"),
            reason: reason.to_owned(),
        };
        if let Some(zone) = &task.time_zone
            && zone.parse::<Tz>().is_err()
        {
            return Err(wrong(
                "time_zone",
                "must be a name of the IANA time zone database, such as Europe/Berlin",
            ));
        }
        if schedule(task, Tz::UTC).is_none() {
            return Err(wrong(
                "cron",
                "must be a cron line of 6 fields: second minute hour day month weekday",
            ));
        }
    }
    Ok(())
}

/// When a task is due; cron lines that name no time zone are of `zone`.
fn schedule(task: &Periodic, zone: Tz) -> Option<Schedule> {
    let zone = match &task.time_zone {
        Some(own) => own.parse().ok()?,
        None => zone,
    };
    match (&task.cron, task.spacing) {
        (Some(line), _) => cron::Schedule::from_str(line)
            .ok()
            .map(|schedule| Schedule::Cron(Box::new(schedule), zone)),
        (None, Some(seconds)) => Some(Schedule::Every(Duration::from_secs(u64::from(seconds)))),
        (None, None) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cron(line: &str, zone: &str) -> Schedule {
        Schedule::Cron(
            Box::new(cron::Schedule::from_str(line).unwrap()),
            zone.parse().unwrap(),
        )
    }

    /// The next `count` times after `from`, in UTC.
    fn times(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
        let mut last: DateTime<Utc> = from.parse().unwrap();
        (0..count)
            .map(|_| {
                last = schedule.next_after(last).unwrap();
                last.format("%dT%H:%M:%S").to_string()
            })
            .collect()
    }

    #[test]
    fn cron_is_of_a_time_zone_to_the_second() {
        let schedule = cron("30 0 3 * * *", "Europe/Berlin");
        assert_eq!(
            times(&schedule, "2026-07-01T00:00:00Z", 2),
            ["01T01:00:30", "02T01:00:30"]
        );
        assert_eq!(times(&schedule, "2026-12-01T00:00:00Z", 1), ["01T02:00:30"]);
        assert_eq!(schedule.to_string(), "30 0 3 * * * (Europe/Berlin)");
    }

    #[test]
    fn a_change_of_clocks_makes_no_task_run_twice() {
        // Berlin's clocks go from 2 to 3 on 29 March 2026 and from 3 back to 2 on 25 October.
        let schedule = cron("0 30 2 * * *", "Europe/Berlin");
        for (from, expected) in [
            (
                "2026-03-27T12:00:00Z",
                ["28T01:30:00", "30T00:30:00", "31T00:30:00", "01T00:30:00"],
            ),
            (
                "2026-10-23T12:00:00Z",
                ["24T00:30:00", "25T00:30:00", "26T01:30:00", "27T01:30:00"],
            ),
        ] {
            assert_eq!(times(&schedule, from, 4), expected);
        }
        // What runs every hour runs in both hours that have the same name.
        let hourly = cron("0 30 * * * *", "Europe/Berlin");
        assert_eq!(
            times(&hourly, "2026-10-25T00:00:00Z", 3),
            ["25T00:30:00", "25T01:30:00", "25T02:30:00"]
        );
        let every_20_minutes = cron("0 */20 * * * *", "Europe/Berlin");
        let due = times(&every_20_minutes, "2026-10-24T23:50:00Z", 12);
        let expected: Vec<String> = (0..12)
            .map(|index| format!("25T{:02}:{:02}:00", index / 3, index % 3 * 20))
            .collect();
        assert_eq!(due, expected);
    }
}
