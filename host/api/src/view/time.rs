//! Times, written without a format string to parse: every row of a list has some.

use ironbark_model::Timestamp;
use serde::{Serialize, Serializer};

/// ISO 8601 with microseconds and `+00:00`.
pub(crate) struct Written(pub(crate) Timestamp);

/// The same without an offset, as times within `driver_internal_info` are.
pub(crate) struct WrittenNaive(pub(crate) Timestamp);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Moment::of(self.0).text();
        text.push_str("+00:00");
        serializer.serialize_str(&text)
    }
}

impl Serialize for WrittenNaive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Moment::of(self.0).text())
    }
}

struct Moment {
    date: (i64, i64, i64),
    time: (i64, i64, i64, i64),
}

impl Moment {
    fn of(timestamp: Timestamp) -> Self {
        const SECOND: i64 = 1_000_000;
        const DAY: i64 = 86_400 * SECOND;
        let days = timestamp.0.div_euclid(DAY);
        let rest = timestamp.0.rem_euclid(DAY);
        let seconds = rest / SECOND;
        Self {
            date: civil(days),
            time: (
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                rest % SECOND,
            ),
        }
    }

    /// `2026-11-27T09:03:00.000042`
    fn text(&self) -> String {
        let (year, month, day) = self.date;
        let (hour, minute, second, micros) = self.time;
        let mut text = String::with_capacity(32);
        padded(&mut text, year, 4);
        for (before, part) in [
            ('-', month),
            ('-', day),
            ('T', hour),
            (':', minute),
            (':', second),
        ] {
            text.push(before);
            padded(&mut text, part, 2);
        }
        text.push('.');
        padded(&mut text, micros, 6);
        text
    }
}

/// Appends a number, padded with zeros to `width` digits.
fn padded(out: &mut String, value: i64, width: u32) {
    let mut unit = 10i64.pow(width.saturating_sub(1));
    if !(0..unit.saturating_mul(10)).contains(&value) {
        // Years that nobody lives to see.
        out.push_str(&value.to_string());
        return;
    }
    while unit > 0 {
        let digit = u8::try_from(value / unit % 10).unwrap_or_default();
        out.push(char::from(b'0' + digit));
        unit /= 10;
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar, which repeats after 146,097
/// days; counted from March, so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_calendar_library(micros in 0i64..253_402_300_800_000_000) {
            let time = Timestamp(micros);
            let written = serde_json::to_string(&Written(time)).unwrap();
            prop_assert_eq!(written, format!("\"{time}\""));
        }
    }
}
