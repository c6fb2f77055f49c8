//! Which periodic tasks are due. Pure: the caller brings the time and the chance.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ironbark_drivers::Schedule;
use ironbark_model::Timestamp;
use ironbark_rpc::{TaskReport, TaskRun};

/// What tells one task from another: the package's name and the task's.
pub(super) type Key = (String, String);

/// When each task ran last and runs next, and which ones are running.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    entries: HashMap<Key, Entry>,
}

#[derive(Debug)]
struct Entry {
    next: Option<Timestamp>,
    /// Since when it runs.
    running: Option<Timestamp>,
    last: Option<TaskRun>,
    left_out: u64,
    /// The schedule as it was declared: a package of another version may declare another one.
    declared: String,
}

impl Timetable {
    /// Takes these tasks in, and forgets others. A task that is new, or has a new schedule, is first due one spacing from
    /// `now` on; one that runs keeps running.
    pub(super) fn set<'a>(
        &mut self,
        tasks: impl IntoIterator<Item = (&'a Key, &'a Schedule)>,
        now: Timestamp,
        mut chance: impl FnMut() -> f64,
    ) {
        let mut entries = HashMap::new();
        for (key, schedule) in tasks {
            let declared = declared(schedule);
            let entry = match self.entries.remove(key) {
                // Later than it could be by now: the clock was set back, and the task would be silent for as long.
                Some(entry) if entry.declared == declared && is_ahead(&entry, schedule, now) => {
                    Entry {
                        next: next_after(schedule, now, chance()),
                        ..entry
                    }
                }
                Some(entry) if entry.declared == declared => entry,
                old => {
                    let (running, last, left_out) = old
                        .map(|entry| (entry.running, entry.last, entry.left_out))
                        .unwrap_or_default();
                    Entry {
                        // So tasks of many conductors spread.
                        next: next_after(schedule, now, chance()),
                        running,
                        last,
                        left_out,
                        declared,
                    }
                }
            };
            entries.insert(key.clone(), entry);
        }
        // A task that was dropped while it runs is remembered until it ends: it may come back meanwhile.
        for (key, entry) in self.entries.drain() {
            if entry.running.is_some() {
                let forgotten = Entry {
                    next: None,
                    declared: String::new(),
                    ..entry
                };
                entries.insert(key, forgotten);
            }
        }
        self.entries = entries;
    }

    /// Whether the task is due at `now`. If so it counts as running, and is next due as `schedule` says.
    /// A task that still runs when it is due again leaves this time out.
    pub(super) fn start_if_due(
        &mut self,
        key: &Key,
        schedule: &Schedule,
        now: Timestamp,
        chance: f64,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if entry.next.is_none_or(|next| next > now) {
            return false;
        }
        entry.next = next_after(schedule, now, chance);
        if entry.running.is_some() {
            entry.left_out = entry.left_out.saturating_add(1);
            tracing::warn!(package = %key.0, task = %key.1, "a periodic task is due again while it still runs: left out");
            return false;
        }
        entry.running = Some(now);
        true
    }

    /// The task has ended so.
    pub(super) fn ended(&mut self, key: &Key, run: TaskRun) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.running = None;
            entry.last = Some(run);
        }
    }

    /// Fills in what is known of when a task ran and is due.
    pub(super) fn fill(&self, key: &Key, report: &mut TaskReport) {
        if let Some(entry) = self.entries.get(key) {
            report.running_since = entry.running;
            report.last_run.clone_from(&entry.last);
            report.next_run = entry.next;
            report.left_out = entry.left_out;
        }
    }

    /// When the first of all tasks is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.values().filter_map(|entry| entry.next).min()
    }
}

/// When a task is due after `last`. `chance` in `0.0..1.0` spreads tasks that would all run at once: up to a tenth of the
/// spacing, at most 60 s, later. Cron times are kept to the second. `None` if it is never due again.
fn next_after(schedule: &Schedule, last: Timestamp, chance: f64) -> Option<Timestamp> {
    let due = schedule.next_after(DateTime::<Utc>::from_timestamp_micros(last.0)?)?;
    let due = Timestamp(due.timestamp_micros());
    Some(match schedule {
        Schedule::Every(spacing) => {
            let most = (*spacing / 10).min(Duration::from_secs(60));
            due.plus(most.mul_f64(chance.clamp(0.0, 1.0)))
        }
        Schedule::Cron(..) => due,
    })
}

/// Whether the next run is later than one that was reckoned now could be. It was reckoned before, and time only goes on.
fn is_ahead(entry: &Entry, schedule: &Schedule, now: Timestamp) -> bool {
    let latest = next_after(schedule, now, 1.0);
    matches!((entry.next, latest), (Some(next), Some(latest)) if next > latest)
}

/// Two schedules that read the same are the same.
fn declared(schedule: &Schedule) -> String {
    schedule.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::str::FromStr;

    use ironbark_drivers::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn key() -> Key {
        ("acme".into(), "poll".into())
    }

    fn every(seconds: u64) -> Schedule {
        Schedule::Every(Duration::from_secs(seconds))
    }

    fn time(text: &str) -> Timestamp {
        Timestamp(
            DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_micros(),
        )
    }

    #[test]
    fn cron_is_in_utc_to_the_second_and_not_twice_for_one_time() {
        let schedule = Schedule::Cron(
            Box::new(cron::Schedule::from_str("0 0 3 * * *").unwrap()),
            TimeZone::UTC,
        );
        let three = time("2026-03-01T03:00:00Z");
        assert_eq!(
            next_after(&schedule, time("2026-03-01T02:59:59.5Z"), 0.9),
            Some(three)
        );
        assert_eq!(
            next_after(&schedule, three, 0.0),
            Some(time("2026-03-02T03:00:00Z"))
        );
        let past = Schedule::Cron(
            Box::new(cron::Schedule::from_str("0 0 3 1 1 * 2020").unwrap()),
            TimeZone::UTC,
        );
        assert_eq!(next_after(&past, three, 0.0), None);
    }

    proptest! {
        #[test]
        fn spacing_is_kept_with_a_bounded_jitter(seconds in 1_u64..86_400, chance in 0.0_f64..1.0, last in 0_i64..4_000_000_000_000_000) {
            let next = next_after(&every(seconds), Timestamp(last), chance).unwrap();
            let waited = Timestamp(last).age_at(next);
            let spacing = Duration::from_secs(seconds);
            prop_assert!(waited >= spacing);
            prop_assert!(waited <= spacing + (spacing / 10).min(Duration::from_secs(60)) + Duration::from_micros(1));
        }
    }

    fn ran(started: Timestamp) -> TaskRun {
        TaskRun {
            started_at: started,
            duration: 1.0,
            outcome: "ok".into(),
            nodes: 1,
            failed_nodes: 0,
            error: None,
        }
    }

    fn reported(table: &Timetable, key: &Key) -> TaskReport {
        let mut report = TaskReport::default();
        table.fill(key, &mut report);
        report
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * SECOND)
    }

    #[test]
    fn never_two_runs_of_one_task_at_once() {
        let (key, schedule) = (key(), every(10));
        let mut table = Timetable::default();
        table.set([(&key, &schedule)], at(0), || 0.0);
        assert!(!table.start_if_due(&key, &schedule, at(9), 0.0));
        assert!(table.start_if_due(&key, &schedule, at(10), 0.0));
        assert!(
            !table.start_if_due(&key, &schedule, at(20), 0.0),
            "it still runs"
        );
        assert_eq!(table.next(), Some(at(30)), "and that time is left out");
        let report = reported(&table, &key);
        assert_eq!((report.running_since, report.left_out), (Some(at(10)), 1));
        table.ended(&key, ran(at(10)));
        let report = reported(&table, &key);
        assert_eq!(report.last_run, Some(ran(at(10))));
        assert_eq!(
            (report.running_since, report.next_run),
            (None, Some(at(30)))
        );
        assert!(table.start_if_due(&key, &schedule, at(30), 0.0));
    }

    #[test]
    fn runs_that_were_missed_do_not_pile_up() {
        let (key, schedule) = (key(), every(10));
        let mut table = Timetable::default();
        table.set([(&key, &schedule)], at(0), || 0.0);
        // Nobody looked for a long time: a hundred runs were missed, and one is made.
        assert!(table.start_if_due(&key, &schedule, at(1005), 0.0));
        table.ended(&key, ran(at(1005)));
        assert!(!table.start_if_due(&key, &schedule, at(1006), 0.0));
        assert_eq!(table.next(), Some(at(1015)));
        let cron = Schedule::Cron(
            Box::new(cron::Schedule::from_str("0 * * * * *").unwrap()),
            TimeZone::UTC,
        );
        table.set([(&key, &cron)], at(1015), || 0.0);
        assert!(table.start_if_due(&key, &cron, at(100_000), 0.0));
        table.ended(&key, ran(at(100_000)));
        assert!(!table.start_if_due(&key, &cron, at(100_001), 0.0));
        assert_eq!(reported(&table, &key).left_out, 0);
    }

    #[test]
    fn replacing_a_package_keeps_the_clock_but_a_new_spacing_starts_anew() {
        let (key, schedule) = (key(), every(10));
        let mut table = Timetable::default();
        table.set([(&key, &schedule)], at(0), || 0.0);
        table.set([(&key, &every(10))], at(5), || 0.0);
        assert_eq!(table.next(), Some(at(10)));
        table.set([(&key, &every(20))], at(5), || 0.0);
        assert_eq!(table.next(), Some(at(25)));
        table.set([], at(5), || 0.0);
        assert_eq!(table.next(), None);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_no_task() {
        let cron = Schedule::Cron(
            Box::new(cron::Schedule::from_str("0 0 * * * *").unwrap()),
            TimeZone::UTC,
        );
        for schedule in [every(3600), cron] {
            let key = key();
            let mut table = Timetable::default();
            table.set([(&key, &schedule)], at(1_000_000), || 0.5);
            let before = table.next().unwrap();
            // As it goes on, nothing changes, also if it is a little back.
            for seconds in [1_000_000, 1_001_000, 999_999] {
                table.set([(&key, &schedule)], at(seconds), || 0.5);
                assert_eq!(table.next(), Some(before), "{schedule}");
            }
            table.set([(&key, &schedule)], at(500_000), || 0.5);
            let next = table.next().unwrap();
            assert!(
                next > at(500_000) && next <= at(504_000),
                "{schedule}: {next:?}"
            );
        }
    }

    #[test]
    fn a_task_that_went_and_came_back_while_it_runs_does_not_run_twice() {
        let (key, schedule) = (key(), every(10));
        let mut table = Timetable::default();
        table.set([(&key, &schedule)], at(0), || 0.0);
        assert!(table.start_if_due(&key, &schedule, at(10), 0.0));
        table.set([], at(11), || 0.0);
        table.set([(&key, &every(5))], at(12), || 0.0);
        assert!(!table.start_if_due(&key, &every(5), at(17), 0.0));
        table.ended(&key, ran(at(10)));
        assert!(table.start_if_due(&key, &every(5), at(30), 0.0));
    }
}
