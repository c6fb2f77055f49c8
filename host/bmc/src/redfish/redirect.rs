//! Where a service's URLs lead: never to another host.

use reqwest::header::{HeaderMap, LOCATION};

use super::{Address, path};

/// Where a `Location` leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// There is none.
    Nowhere,
    /// To this path on the same service.
    OnService(String),
    /// To another scheme, host or port, or to a path that is none.
    Elsewhere,
}

/// Where an answer to a request for `asked` points.
pub(super) fn place(address: &Address, asked: &str, headers: &HeaderMap) -> Place {
    let Some(location) = headers.get(LOCATION) else {
        return Place::Nowhere;
    };
    let url = location
        .to_str()
        .ok()
        .and_then(|location| address.url(asked)?.join(location).ok())
        .filter(|url| address.is_origin_of(url));
    let Some(url) = url else {
        return Place::Elsewhere;
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    if path::check(&path).is_ok() {
        Place::OnService(path)
    } else {
        Place::Elsewhere
    }
}

/// Whether both are the same resource: services disagree about the slash at the end.
pub(super) fn same_resource(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn only_paths_on_the_same_service_are_places() {
        let address = Address::parse("https://bmc:8443").unwrap();
        let leads = |location: &'static str| {
            let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
            place(&address, "/redfish/v1/Systems", &headers)
        };
        for (location, path) in [
            ("/redfish/v1/Systems/", "/redfish/v1/Systems/"),
            (
                "https://bmc:8443/redfish/v1/Tasks/1?a=b",
                "/redfish/v1/Tasks/1?a=b",
            ),
            ("Chassis", "/redfish/v1/Chassis"),
            ("../v1/Chassis", "/redfish/v1/Chassis"),
        ] {
            assert_eq!(leads(location), Place::OnService(path.to_owned()));
        }
        for location in [
            "https://bmc/redfish/v1",
            "http://bmc:8443/redfish/v1",
            "https://other:8443/redfish/v1",
            "//other/redfish/v1",
            "https://169.254.169.254/latest",
            "file:///etc/passwd",
            "/redfish/v1/a%2fb",
        ] {
            assert_eq!(leads(location), Place::Elsewhere, "{location}");
        }
        assert_eq!(place(&address, "/", &HeaderMap::new()), Place::Nowhere);
    }
}
