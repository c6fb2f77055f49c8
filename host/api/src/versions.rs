//! Which microversion a request asks for, and what the answer's headers say of it (facts §1.2).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error::ApiError;
use crate::gates::JSON_SUFFIX_UNTIL;

/// The oldest minor version: what a request without a header gets.
pub(crate) const MIN_MINOR: u16 = 1;
/// The newest minor version.
pub(crate) const MAX_MINOR: u16 = 115;

/// The header that most clients send, and that every answer carries.
pub(crate) const LEGACY_HEADER: HeaderName =
    HeaderName::from_static("x-openstack-ironic-api-version");
const STANDARD_HEADER: HeaderName = HeaderName::from_static("openstack-api-version");
const MIN_HEADER: HeaderName = HeaderName::from_static("x-openstack-ironic-api-minimum-version");
const MAX_HEADER: HeaderName = HeaderName::from_static("x-openstack-ironic-api-maximum-version");

/// How the standard header names this service.
const SERVICE: &str = "baremetal";

/// The microversion in effect: 1.`minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    minor: u16,
    explicit: bool,
}

impl Version {
    pub(crate) const fn new(minor: u16) -> Self {
        Self {
            minor,
            explicit: true,
        }
    }

    pub(crate) const fn minor(self) -> u16 {
        self.minor
    }

    /// Whether what came with 1.`since` is there.
    pub(crate) const fn has(self, since: u16) -> bool {
        self.minor >= since
    }

    /// Whether a `.json` at the end of a URL is no part of a name.
    pub(crate) const fn strips_json_suffix(self) -> bool {
        self.explicit && !self.has(JSON_SUFFIX_UNTIL)
    }

    /// 406, unless what came with 1.`since` is there.
    pub(crate) fn require(self, since: u16) -> Result<(), ApiError> {
        if self.has(since) {
            Ok(())
        } else {
            Err(ApiError::not_acceptable(since))
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "1.{}", self.minor)
    }
}

/// Reads the version that a request asks for; 406 if it can't be had.
pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Version, ApiError> {
    let Some(asked) = standard(headers).or_else(|| legacy(headers)) else {
        return Ok(Version {
            minor: MIN_MINOR,
            explicit: false,
        });
    };
    if asked.eq_ignore_ascii_case("latest") {
        return Ok(Version::new(MAX_MINOR));
    }
    let Some((major, minor)) = parse(asked) else {
        return Err(refuse(
            "Invalid value for X-OpenStack-Ironic-API-Version header".to_owned(),
        ));
    };
    let range = format!(
        "The supported version range is: [{}, {}].",
        Version::new(MIN_MINOR),
        Version::new(MAX_MINOR)
    );
    if major != 1 {
        return Err(refuse(format!(
            "Mutually exclusive versions requested. Version {major}.{minor} requested but not supported by this service. {range}"
        )));
    }
    match u16::try_from(minor) {
        Ok(minor) if (MIN_MINOR..=MAX_MINOR).contains(&minor) => Ok(Version::new(minor)),
        _ => Err(refuse(format!(
            "Version {major}.{minor} was requested but the minor version is not supported by this service. {range}"
        ))),
    }
}

/// Says in an answer which versions there are, and which one is in effect.
pub(crate) fn stamp(headers: &mut HeaderMap, effective: Option<Version>) {
    headers.insert(MIN_HEADER, HeaderValue::from_static("1.1"));
    headers.insert(MAX_HEADER, HeaderValue::from_static("1.115"));
    if let Some(version) = effective
        && let Ok(value) = HeaderValue::from_str(&version.to_string())
    {
        headers.insert(LEGACY_HEADER, value);
    }
}

fn refuse(message: String) -> ApiError {
    ApiError::framework(StatusCode::NOT_ACCEPTABLE, message)
}

/// `OpenStack-API-Version: baremetal 1.N`, alone or in a list of several services.
fn standard(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(STANDARD_HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|item| item.trim().split_once(' '))
        .filter(|(service, _)| service.eq_ignore_ascii_case(SERVICE))
        .map(|(_, version)| version.trim())
        .next_back()
}

/// Of several versions the last one counts; nothing between the commas is no version.
fn legacy(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(LEGACY_HEADER)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("not text").split(','))
        .map(str::trim)
        .next_back()
        .filter(|version| !version.is_empty())
}

fn parse(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((number(major)?, number(minor)?))
}

fn number(text: &str) -> Option<u32> {
    let digits =
        !text.is_empty() && text.len() < 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Result<Version, ApiError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        negotiate(&headers)
    }

    #[test]
    fn the_headers_are_read_as_ironic_reads_them() {
        const LEGACY: &str = "x-openstack-ironic-api-version";
        const STANDARD: &str = "openstack-api-version";
        assert!(asked(&[]).unwrap().minor() == 1 && !asked(&[]).unwrap().explicit);
        for (pairs, minor) in [
            (vec![(LEGACY, "1.58")], 58),
            (vec![(LEGACY, "latest")], 115),
            (vec![(LEGACY, "LATEST")], 115),
            (vec![(STANDARD, "baremetal 1.7")], 7),
            (vec![(STANDARD, "compute 2.1, baremetal latest")], 115),
            (vec![(LEGACY, "1.20"), (STANDARD, "baremetal 1.30")], 30),
            (vec![(LEGACY, "1.20"), (STANDARD, "compute 2.30")], 20),
            (vec![(LEGACY, "1.115")], 115),
            (vec![(LEGACY, "")], 1),
            (vec![(LEGACY, "1.1, 1.2")], 2),
            (vec![(LEGACY, "1.3"), (LEGACY, "1.4")], 4),
        ] {
            assert_eq!(asked(&pairs).unwrap().minor(), minor, "{pairs:?}");
        }
        for bad in [
            "abc",
            "1",
            "1.",
            ".1",
            "1.x",
            "2.0",
            "0.9",
            "1.0",
            "1.116",
            "1.99999999999",
            "-1.1",
        ] {
            assert!(asked(&[(LEGACY, bad)]).is_err(), "{bad:?}");
        }
    }
}
