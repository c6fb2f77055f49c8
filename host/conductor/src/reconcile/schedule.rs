//! When a driver's periodic task is due. Pure: the caller brings the time.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ironbark_model::Timestamp;

/// When a task runs.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// This long after its last run began.
    Every(Duration),
    /// At these times, UTC.
    Cron(Box<cron::Schedule>),
}

/// Shortest spacing; a package that asks for less gets this.
pub(crate) const MIN_SPACING: Duration = Duration::from_secs(1);

impl Schedule {
    /// Reads what a package declares: `spacing` in seconds, or else `cron` with six or seven fields (seconds first).
    /// `None` for a task that is switched off (spacing 0, or neither).
    pub(crate) fn parse(spacing: Option<u32>, cron: Option<&str>) -> Result<Option<Self>, String> {
        match (spacing, cron) {
            (Some(_), Some(_)) => Err("it declares both spacing and cron".to_owned()),
            (None, None) | (Some(0), None) => Ok(None),
            (Some(seconds), None) => Ok(Some(Self::Every(
                Duration::from_secs(u64::from(seconds)).max(MIN_SPACING),
            ))),
            (None, Some(text)) => cron::Schedule::from_str(text)
                .map(|schedule| Some(Self::Cron(Box::new(schedule))))
                .map_err(|error| format!("its cron expression {text:?} can't be read: {error}")),
        }
    }

    /// When the task is due next, if it was considered last at `last` (its last run's beginning, or when it was first
    /// seen). `jitter` in `0.0..1.0` spreads tasks that would all run at once: up to a tenth of the spacing, at most
    /// 60 s; cron times are kept to the second. `None` if it is never due again.
    pub(crate) fn next_after(&self, last: Timestamp, jitter: f64) -> Option<Timestamp> {
        match self {
            Self::Every(spacing) => {
                let most = (*spacing / 10).min(Duration::from_secs(60));
                Some(last.plus(*spacing + most.mul_f64(jitter.clamp(0.0, 1.0))))
            }
            Self::Cron(schedule) => {
                let last = DateTime::<Utc>::from_timestamp_micros(last.0)?;
                schedule
                    .after(&last)
                    .next()
                    .map(|time| Timestamp(time.timestamp_micros()))
            }
        }
    }
}

/// As it was declared; two schedules that read the same are the same.
impl std::fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(spacing) => write!(formatter, "every {} s", spacing.as_secs()),
            Self::Cron(schedule) => write!(formatter, "cron {schedule}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(
            DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_micros(),
        )
    }

    #[test]
    fn reads_what_packages_declare() {
        assert!(Schedule::parse(None, None).unwrap().is_none());
        assert!(Schedule::parse(Some(0), None).unwrap().is_none());
        assert!(Schedule::parse(Some(60), Some("0 0 3 * * *")).is_err());
        assert!(Schedule::parse(None, Some("every now and then")).is_err());
        assert!(matches!(
            Schedule::parse(Some(60), None).unwrap(),
            Some(Schedule::Every(spacing)) if spacing == Duration::from_secs(60)
        ));
    }

    #[test]
    fn cron_is_in_utc_and_to_the_second() {
        let schedule = Schedule::parse(None, Some("0 0 3 * * *")).unwrap().unwrap();
        assert_eq!(
            schedule.next_after(at("2026-03-01T02:59:59.5Z"), 0.9).unwrap(),
            at("2026-03-01T03:00:00Z")
        );
        assert_eq!(
            schedule.next_after(at("2026-03-01T03:00:00Z"), 0.0).unwrap(),
            at("2026-03-02T03:00:00Z"),
            "not twice for one time"
        );
    }

    #[test]
    fn a_cron_expression_in_the_past_is_never_due() {
        let schedule = Schedule::parse(None, Some("0 0 3 1 1 * 2020")).unwrap().unwrap();
        assert!(schedule.next_after(at("2026-03-01T00:00:00Z"), 0.0).is_none());
    }

    proptest! {
        #[test]
        fn spacing_is_kept_with_a_bounded_jitter(seconds in 1_u32..1_000_000, jitter in 0.0_f64..1.0, last in 0_i64..4_000_000_000_000_000) {
            let schedule = Schedule::parse(Some(seconds), None).unwrap().unwrap();
            let next = schedule.next_after(Timestamp(last), jitter).unwrap();
            let waited = Timestamp(last).age_at(next);
            prop_assert!(waited >= Duration::from_secs(u64::from(seconds)));
            prop_assert!(waited <= Duration::from_secs(u64::from(seconds)) + Duration::from_secs(60).min(Duration::from_secs(u64::from(seconds)) / 10 + Duration::from_micros(1)));
        }
    }
}
