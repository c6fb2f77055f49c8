//! Which paths may be sent: those that mean the same to everybody who reads them.

/// Longest path with its query, in bytes.
const LONGEST: usize = 2048;

/// Checks an absolute path on a service, with or without a query; the error says what is wrong.
///
/// Nothing may be hidden in it: no step upwards, no empty or encoded separator, and nothing that one reader decodes and
/// another doesn't, since who may use which path is decided by comparing text.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > LONGEST {
        return Err("the path is longer than 2,048 bytes");
    }
    if !path.starts_with('/') {
        return Err("the path must begin with a slash");
    }
    let plain = |byte: u8| {
        byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#'
            )
    };
    if !path.bytes().all(plain) {
        return Err("the path has a character that must be percent-encoded");
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if escapes(query).any(|decoded| decoded.is_none()) {
        return Err("the query has a percent sign without two hexadecimal digits");
    }
    for decoded in escapes(path) {
        match decoded {
            None => return Err("the path has a percent sign without two hexadecimal digits"),
            Some(byte) if byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'.' | b'%') => {
                return Err("the path hides a separator, a dot or a control character");
            }
            Some(_) => {}
        }
    }
    let segments = path.trim_start_matches('/').trim_end_matches('/');
    let steps = |segment: &str| matches!(segment, "" | "." | "..");
    if path.starts_with("//")
        || path.ends_with("//")
        || (path != "/" && segments.split('/').any(steps))
    {
        return Err("the path has an empty segment or a step upwards");
    }
    Ok(())
}

/// A path as an operator writes it: what must be percent-encoded is.
pub(super) fn quote(path: &str) -> String {
    let mut quoted = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' | b'?'
            )
        {
            quoted.push(char::from(byte));
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    quoted
}

/// What each percent sign stands for; `None` where two digits are missing.
fn escapes(text: &str) -> impl Iterator<Item = Option<u8>> {
    text.split('%').skip(1).map(|rest| {
        let digits = rest.get(..2)?;
        (!digits.starts_with('+')).then_some(())?;
        u8::from_str_radix(digits, 16).ok()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_services_pass() {
        for path in [
            "/redfish/v1",
            "/redfish/v1/",
            "/redfish/v1/Systems/System.Embedded.1",
            "/redfish/v1/Systems/437XR1138R2/Actions/ComputerSystem.Reset",
            "/redfish/v1/Chassis/1/Sensors?$expand=.($levels=1)",
            "/redfish/v1/Systems/a%20b",
            "/redfish/v1/Systems/..a",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn tricks_do_not() {
        for path in [
            "",
            "redfish/v1",
            "//other.host/redfish/v1",
            "/redfish/v1//Systems",
            "/redfish/v1/Systems//",
            "/redfish/v1/../AccountService",
            "/redfish/v1/./Systems",
            "/redfish/v1/Systems/..",
            "/redfish/v1/%2e%2e/AccountService",
            "/redfish/v1/%2E./AccountService",
            "/redfish/v1/a%2fb",
            "/redfish/v1/a%5cb",
            "/redfish/v1/a%252fb",
            "/redfish/v1/a\\b",
            "/redfish/v1/a%0d%0ab",
            "/redfish/v1/a b",
            "/redfish/v1/a#b",
            "/redfish/v1/%",
            "/redfish/v1/%+1",
            "/redfish/v1/ä",
            "/redfish/v1?a=%zz",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_path_is_refused_only_for_where_it_leads(path in "/[^/%.]{1,20}") {
            let segment_only_of_controls_or_hidden = path.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\');
            prop_assert_eq!(check(&quote(&path)).is_err(), segment_only_of_controls_or_hidden);
        }

        #[test]
        fn what_passes_stays_what_it_is_in_a_url(path in "/[a-zA-Z0-9/.%?=_~-]{0,40}") {
            if check(&path).is_ok() {
                let address = super::super::Address::parse("https://bmc").unwrap();
                prop_assert!(address.url(&path).is_some(), "{}", path);
            }
        }
    }
}
