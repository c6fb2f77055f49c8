//! Points in time, as the database stores and the API shows them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z: what the database stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time on this machine's clock now.
    pub fn now() -> Self {
        Self(Utc::now().timestamp_micros())
    }

    /// How long ago this was at `now`; zero for a time in the future.
    pub fn age_at(self, now: Self) -> Duration {
        Duration::from_micros(u64::try_from(now.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// This time moved `by` into the past.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This time moved `by` into the future.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

/// ISO 8601 with microseconds and `+00:00`, as Ironic writes it: `2026-11-20T23:31:12.146300+00:00`.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => write!(formatter, "{}", time.format("%Y-%m-%dT%H:%M:%S%.6f+00:00")),
            None => formatter.write_str("invalid time"),
        }
    }
}

/// As people write it: `2027-12-31T00:00:00Z` (RFC 3339), or a day, which begins at midnight UTC.
impl FromStr for Timestamp {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || {
            let date: NaiveDate = text.parse().ok()?;
            Some(date.and_time(NaiveTime::MIN).and_utc())
        };
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.to_utc())
            .or_else(day)
            .map(|time| Self(time.timestamp_micros()))
            .ok_or_else(|| {
                crate::Error::invalid(format!(
                    "{text:?} is no time: write 2027-12-31, or 2027-12-31T18:00:00Z."
                ))
            })
    }
}

/// For `#[serde(with)]`: a time as people read it.
pub mod iso {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Timestamp;

    /// Writes the time as ISO 8601.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let time = Timestamp(1_795_217_472_146_300);
        assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
        assert_eq!(
            "2026-11-21T00:31:12.1463+01:00".parse::<Timestamp>().ok(),
            Some(time)
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn is_written_as_ironic_writes_it() {
        assert_eq!(
            Timestamp(1_795_217_472_146_300).to_string(),
            "2026-11-20T23:31:12.146300+00:00"
        );
    }

    #[test]
    fn is_read_as_people_write_it() {
        for (text, micros) in [
            ("1970-01-02", 86_400_000_000),
            ("1970-01-01T00:00:01Z", 1_000_000),
            ("1970-01-01T02:00:00.5+02:00", 500_000),
        ] {
            assert_eq!(
                text.parse::<Timestamp>().unwrap(),
                Timestamp(micros),
                "{text}"
            );
        }
        for wrong in ["", "tomorrow", "1970-13-01", "1970-01-01 00:00"] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn age_is_never_negative() {
        assert_eq!(Timestamp(5).age_at(Timestamp(3)), Duration::ZERO);
        assert_eq!(Timestamp(3).age_at(Timestamp(5)), Duration::from_micros(2));
    }
}
