//! Paths that mean one thing only.
//!
//! Web servers differ in what they make of `..`, `//`, `%2F`, `;` and so on. What could be read in two ways is refused and not
//! repaired: then what is checked and what is sent are the same.

/// Longest path with its query, in bytes (the contract's bound).
const MAX_PATH: usize = 2048;
/// Deepest `$expand` that a query may ask for.
const MAX_LEVELS: u8 = 3;

/// An absolute path below `/redfish`, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourcePath {
    segments: Vec<String>,
    query: Option<Query>,
    slash_at_end: bool,
}

/// A query of parameters that can't reach beyond the resource, but for `$expand`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Query {
    text: String,
    expands: bool,
}

impl ResourcePath {
    /// Reads a path as a driver wrote it; says why not, for whoever writes the driver.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATH {
            return Err(format!("the path is longer than {MAX_PATH} bytes"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '#']) {
            return Err(
                "the path has a fragment, a backslash, a space or a character beyond ASCII"
                    .to_owned(),
            );
        }
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(Query::parse(query)?)),
            None => (text, None),
        };
        let rest = path
            .strip_prefix('/')
            .ok_or("the path must begin with /redfish")?;
        let (rest, slash_at_end) = match rest.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let segments = rest
            .split('/')
            .map(read_segment)
            .collect::<Result<Vec<_>, _>>()?;
        if segments.first().map(String::as_str) != Some("redfish") {
            return Err("the path must begin with /redfish".to_owned());
        }
        Ok(Self {
            segments,
            query,
            slash_at_end,
        })
    }

    /// The segments, decoded.
    pub(crate) fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether the answer may hold more than the resource itself.
    pub(crate) fn expands(&self) -> bool {
        self.query.as_ref().is_some_and(|query| query.expands)
    }

    /// The path as it is sent, with its query.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            for byte in segment.bytes() {
                if is_plain(byte) {
                    text.push(char::from(byte));
                } else {
                    text.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        if self.slash_at_end {
            text.push('/');
        }
        if let Some(query) = &self.query {
            text.push('?');
            text.push_str(&query.text);
        }
        text
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, String> {
        let mut expands = false;
        for parameter in text.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let fits = match name {
                "only" | "excerpt" => value.is_empty(),
                "$top" | "$skip" => {
                    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
                }
                "$select" => {
                    !value.is_empty()
                        && value
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"_/,.@*".contains(&byte))
                }
                "$expand" => {
                    expands = true;
                    is_modest_expansion(value)
                }
                _ => false,
            };
            if !fits {
                return Err(format!("the query parameter '{name}' is not accepted so"));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            expands,
        })
    }
}

/// `.`, which follows no links, perhaps with `($levels=n)`.
fn is_modest_expansion(value: &str) -> bool {
    match value.strip_prefix('.') {
        Some("") => true,
        Some(levels) => levels
            .strip_prefix("($levels=")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|digits| digits.parse().ok())
            .is_some_and(|levels: u8| (1..=MAX_LEVELS).contains(&levels)),
        None => false,
    }
}

fn read_segment(raw: &str) -> Result<String, String> {
    let decoded = decode(raw).ok_or("the path has an encoding that is cut off or beyond ASCII")?;
    let dangerous = |byte: u8| !(0x20..0x7f).contains(&byte) || b"/\\%;?#".contains(&byte);
    if decoded.is_empty() || decoded == "." || decoded == ".." {
        return Err("the path has an empty segment, '.' or '..'".to_owned());
    }
    if decoded.bytes().any(dangerous) {
        return Err(
            "a segment of the path has '/', '\\', '%', ';', '?', '#' or a control character in it"
                .to_owned(),
        );
    }
    Ok(decoded)
}

/// Decodes once. Only ASCII comes out.
fn decode(raw: &str) -> Option<String> {
    let mut decoded = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
            high << 4 | low
        } else {
            byte
        };
        if !byte.is_ascii() {
            return None;
        }
        decoded.push(char::from(byte));
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// What needs no encoding in a segment (RFC 3986 `pchar` without `;`).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,=:@".contains(&byte)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "/",
            "redfish/v1",
            "//redfish/v1",
            "/redfish//v1",
            "/redfish/v1//",
            "/redfish/./v1",
            "/redfish/v1/../v1",
            "/redfish/%2e%2e/v1",
            "/redfish/.%2E/v1",
            "/redfish/v1/Systems%2F2",
            "/redfish/v1/Systems%2f2",
            "/redfish/v1/Systems%252F2",
            "/redfish/v1/Systems%5c2",
            "/redfish/v1\\Systems",
            "/redfish/v1/Systems;x=1/2",
            "/redfish/v1/Systems%3b/2",
            "/redfish/v1/Systems#/2",
            "/redfish/v1/Systems%23",
            "/redfish/v1/Systems%00",
            "/redfish/v1/Systems%0a",
            "/redfish/v1/Systems%",
            "/redfish/v1/Systems%5",
            "/redfish/v1/Systems%zz",
            "/redfish/v1/Syst%C3%A9m",
            "/redfish/v1/Systém",
            "/redfish/v1/a b",
            "/Redfish/v1",
            "/api/v1",
            "http://other/redfish/v1",
            "/redfish/v1?$expand=*",
            "/redfish/v1?$expand=~($levels=1)",
            "/redfish/v1?$expand=.($levels=9)",
            "/redfish/v1?$filter=a",
            "/redfish/v1?%24expand=.",
            "/redfish/v1?",
            "/redfish/v1?only&x",
            "/redfish/v1?a?b",
        ] {
            assert!(ResourcePath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        for text in [
            "/redfish",
            "/redfish/v1/",
            "/redfish/v1/Systems/437XR1138R2/Bios/Settings",
            "/redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset",
            "/redfish/v1/$metadata",
            "/redfish/v1/Systems/1?$select=Boot,Status&$expand=.($levels=2)",
            "/redfish/v1/Chassis/1%20A",
        ] {
            assert_eq!(ResourcePath::parse(text).unwrap().to_text(), text);
        }
        let needless = ResourcePath::parse("/redfish/v1/%53ystems/%31").unwrap();
        assert_eq!(needless.to_text(), "/redfish/v1/Systems/1");
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_sent_is_what_was_checked(text in "(/redfish)?[/%.;#?a-zA-Z0-9 $=\\\\]{0,40}") {
            if let Ok(path) = ResourcePath::parse(&text) {
                let sent = path.to_text();
                prop_assert_eq!(ResourcePath::parse(&sent), Ok(path.clone()));
                let (only_path, _) = sent.split_once('?').unwrap_or((&sent, ""));
                prop_assert!(!only_path.contains("//") && !only_path.contains("/../") && !only_path.contains("/./"));
                prop_assert!(!only_path.to_ascii_lowercase().contains("%2f") && !only_path.contains(';'));
                prop_assert!(path.segments().iter().all(|segment| !segment.contains('/') && segment != ".."));
            }
        }

        #[test]
        fn any_id_survives(id in "[ -~]{1,20}") {
            prop_assume!(!id.contains(['/', '\\', '%', ';', '?', '#']) && id != "." && id != "..");
            let encoded: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let path = ResourcePath::parse(&format!("/redfish/v1/Systems/{encoded}")).unwrap();
            prop_assert_eq!(path.segments().last(), Some(&id));
            prop_assert_eq!(ResourcePath::parse(&path.to_text()), Ok(path));
        }
    }
}
