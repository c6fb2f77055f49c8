//! Which periodic tasks are due. Pure: the caller brings the time and the chance.

use std::collections::HashMap;

use ironbark_model::Timestamp;

use super::schedule::Schedule;

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
    running: bool,
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
            let declared = schedule.to_string();
            let entry = match self.entries.remove(key) {
                Some(entry) if entry.declared == declared => entry,
                old => Entry {
                    // The first time may fall anywhere in the spacing: so tasks of many conductors spread.
                    next: schedule.next_after(now, chance()),
                    running: old.is_some_and(|entry| entry.running),
                    declared,
                },
            };
            entries.insert(key.clone(), entry);
        }
        // A task that was dropped while it runs is remembered until it ends: it may come back meanwhile.
        for (key, entry) in self.entries.drain() {
            if entry.running {
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
        entry.next = schedule.next_after(now, chance);
        if entry.running {
            tracing::warn!(package = %key.0, task = %key.1, "a periodic task is due again while it still runs: left out");
            return false;
        }
        entry.running = true;
        true
    }

    /// The task has ended.
    pub(super) fn ended(&mut self, key: &Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.running = false;
        }
    }

    /// When the next task is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.values().filter_map(|entry| entry.next).min()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn key() -> Key {
        ("acme".into(), "poll".into())
    }

    fn every(seconds: u32) -> Schedule {
        Schedule::parse(Some(seconds), None).unwrap().unwrap()
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
        assert!(!table.start_if_due(&key, &schedule, at(20), 0.0), "it still runs");
        assert_eq!(table.next(), Some(at(30)), "and that time is left out");
        table.ended(&key);
        assert!(table.start_if_due(&key, &schedule, at(30), 0.0));
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
    fn a_task_that_went_and_came_back_while_it_runs_does_not_run_twice() {
        let (key, schedule) = (key(), every(10));
        let mut table = Timetable::default();
        table.set([(&key, &schedule)], at(0), || 0.0);
        assert!(table.start_if_due(&key, &schedule, at(10), 0.0));
        table.set([], at(11), || 0.0);
        table.set([(&key, &every(5))], at(12), || 0.0);
        assert!(!table.start_if_due(&key, &every(5), at(17), 0.0));
        table.ended(&key);
        assert!(table.start_if_due(&key, &every(5), at(30), 0.0));
    }
}
