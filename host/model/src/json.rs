//! JSON that somebody else wrote: clients, drivers, BMCs. What comes out can be stored, sent on and read again.
//!
//! `serde_json::Value` takes some keys for its own: an object whose first key is `$serde_json::private::RawValue` is replaced by what
//! is in its text, which no bound of size or depth has seen. As keys are sorted when they are written, such a key is
//! dangerous wherever it stands: it may be the first one next time. So nobody may have keys of that kind.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{ErrorKind, JsonObject};

/// The deepest nesting of a JSON document that is accepted and stored, the document itself counted: far less than what a
/// parser reads back, and what a client is shown it may send again.
pub const MAX_DEPTH: usize = 25;

/// As [`MAX_DEPTH`], for what is only looked at or handed on as text, such as the answer of a Redfish service.
pub const MAX_DEPTH_IN_PASSING: usize = 100;

/// The longest text of a JSON object that is stored, in bytes: as much as an ordinary body.
pub const MAX_OBJECT_BYTES: usize = 1024 * 1024;

/// As [`MAX_OBJECT_BYTES`], for what may hold a config drive, or steps that were asked for together with one.
pub const MAX_LARGE_OBJECT_BYTES: usize = 65 * 1024 * 1024;

/// What keys begin with that the parser gives a meaning of its own.
const RESERVED: &str = "$serde_json::private::";

/// Parses JSON that is nested at most `levels` deep and has no reserved key.
///
/// # Errors
/// It is no JSON, is nested deeper, or has a key that begins with `$serde_json::private::`, at any depth. For the last two,
/// [`serde_json::Error::is_data`] holds.
pub fn parse(text: impl AsRef<[u8]>, levels: usize) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text.as_ref());
    let value = Plain { levels }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The first whole number in JSON that doesn't fit into 64 bits, so that a parser would round it; at most its first 40 digits.
pub fn rounded_integer(text: &[u8]) -> Option<String> {
    let (mut in_string, mut escaped) = (false, false);
    let mut start = None;
    // One more than there is, so that a number at the end has an end.
    for (index, byte) in text.iter().chain(b" ").enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
        } else if matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') {
            start.get_or_insert(index);
        } else {
            in_string = *byte == b'"';
            let number = start.take().and_then(|start| text.get(start..index));
            // Shorter ones fit.
            if let Some(number) = number.filter(|number| number.len() > 18)
                && let Ok(number) = std::str::from_utf8(number)
                && !number.contains(['.', 'e', 'E'])
                && number.parse::<i64>().is_err()
                && number.parse::<u64>().is_err()
            {
                return Some(number.chars().take(40).collect());
            }
        }
    }
    None
}

/// An object as it is stored: `TooLarge` if that has more than `most` bytes. A client fills it bit by bit, so that the bound of
/// bodies doesn't help.
pub fn stored_text(object: &JsonObject, most: usize) -> crate::Result<String> {
    if object.is_empty() {
        return Ok("{}".to_owned());
    }
    let text = serde_json::to_string(object)
        .map_err(|e| crate::Error::internal("A value can't be written as JSON.").caused_by(e))?;
    if text.len() <= most {
        return Ok(text);
    }
    Err(crate::Error::new(
        ErrorKind::TooLarge,
        format!(
            "A JSON object would have {} bytes; at most {most} are stored. Take something out of it first.",
            text.len()
        ),
    ))
}

/// A value with so many levels of lists and objects, at most.
#[derive(Clone, Copy)]
struct Plain {
    levels: usize,
}

impl Plain {
    fn inside<E: Error>(self) -> Result<Self, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels }),
            None => Err(E::custom("it is nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom(format_args!(
                    "keys that begin with {RESERVED} are reserved"
                )));
            }
            object.insert(key, entries.next_value_seed(inside)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// JSON of a few levels, sometimes with a key that the parser would take for its own.
    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-4000i32..4000).prop_map(|number| Value::from(f64::from(number) / 4.0)),
            ".{0,6}".prop_map(Value::from),
        ];
        let key = prop_oneof![
            9 => "[$a-z]{0,4}",
            1 => Just(format!("{RESERVED}RawValue")),
            1 => Just(format!("{RESERVED}Number")),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn has_reserved(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(has_reserved),
            Value::Object(object) => object
                .iter()
                .any(|(key, value)| key.starts_with(RESERVED) || has_reserved(value)),
            _ => false,
        }
    }

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(object) => 1 + object.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_was_written_and_reads_back(document in documents(), levels in 0usize..6) {
            let text = document.to_string();
            match parse(&text, levels) {
                Ok(read) => {
                    prop_assert!(!has_reserved(&document));
                    prop_assert!(depth(&document) <= levels);
                    prop_assert_eq!(&read, &document);
                    prop_assert_eq!(serde_json::from_str::<Value>(&read.to_string()).unwrap(), document);
                }
                Err(error) => {
                    prop_assert!(error.is_data());
                    prop_assert!(has_reserved(&document) || depth(&document) > levels);
                }
            }
        }

        #[test]
        fn every_integer_of_64_bits_is_kept(signed: i64, unsigned: u64, beyond in "[1-9][0-9]{20,60}") {
            prop_assert_eq!(rounded_integer(format!("[{signed},{unsigned}]").as_bytes()), None);
            let text = format!("{{\"a\":{beyond}}}");
            prop_assert!(rounded_integer(text.as_bytes()).is_some());
        }

        #[test]
        fn never_panics(text in "[\\[\\]{}\",:\\\\a1.e-]{0,60}") {
            let _ = rounded_integer(text.as_bytes());
            let _ = parse(text, MAX_DEPTH);
        }
    }

    #[test]
    fn reserved_keys_are_refused_however_they_are_written() {
        for text in [
            r#"{"$serde_json::private::RawValue": "[1]"}"#,
            r#"{"aaa": 1, "$serde_json::private::RawValue": "x"}"#,
            r#"[{"a": {"\u0024serde_json\u003a:private::RawValue": "{}"}}]"#,
            r#"{"$serde_json::private::Number": "1"}"#,
        ] {
            assert!(parse(text, MAX_DEPTH).unwrap_err().is_data(), "{text}");
        }
        let harmless = r#"{"$serde_json": "$serde_json::private::RawValue"}"#;
        assert_eq!(
            parse(harmless, MAX_DEPTH).unwrap(),
            json!({"$serde_json": "$serde_json::private::RawValue"})
        );
        assert!(!parse("{} x", MAX_DEPTH).unwrap_err().is_data());
        assert!(!parse("[", MAX_DEPTH).unwrap_err().is_data());
    }

    #[test]
    fn whole_numbers_are_not_rounded() {
        let found = |text: &str| rounded_integer(text.as_bytes());
        for kept in [
            r#"[18446744073709551615, -9223372036854775808, 0]"#,
            r#"{"a": "123456789012345678901234567890", "b\\": 1}"#,
            r#"["\"123456789012345678901234567890"]"#,
            "123456789012345678901234567890.5",
            "[1e300, 1234567890123456789012e1]",
            "",
        ] {
            assert_eq!(found(kept), None, "{kept}");
        }
        for (text, number) in [
            ("18446744073709551616", "18446744073709551616"),
            ("[-9223372036854775809]", "-9223372036854775809"),
            (
                r#"{"a\"": {"b":123456789012345678901234567890}}"#,
                "123456789012345678901234567890",
            ),
        ] {
            assert_eq!(found(text).as_deref(), Some(number));
        }
    }

    #[test]
    fn what_is_stored_has_a_bound() {
        let object =
            |size: usize| JsonObject::from_iter([("a".to_owned(), "x".repeat(size).into())]);
        let overhead = r#"{"a":""}"#.len();
        assert_eq!(stored_text(&JsonObject::new(), 0).unwrap(), "{}");
        assert_eq!(stored_text(&object(1), 9).unwrap(), r#"{"a":"x"}"#);
        assert!(stored_text(&object(100 - overhead), 100).is_ok());
        let refused = stored_text(&object(101 - overhead), 100).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn so_many_levels_and_no_more() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH), MAX_DEPTH).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1), MAX_DEPTH).is_err());
        assert!(parse(nested(100_000), MAX_DEPTH_IN_PASSING).is_err());
    }
}
