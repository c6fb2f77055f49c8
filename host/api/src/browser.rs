//! What a browser sends for a page of somebody else: refused, because nobody who looks at that page meant it.
//!
//! A browser on this machine reaches the loopback address, and sends a user's basic credentials along by itself. So a
//! foreign page could change machines, though it could never read an answer. It gives itself away by headers that a page
//! can't alter; clients that are no browsers don't send them.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::error::ApiError;
use crate::{ApiConfig, Auth, base_url};

/// Refuses requests that come from a page of another site, or that got here under another site's name.
pub(crate) fn check(config: &ApiConfig, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let sent_by_another_site = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    let host = base_url::host(uri, headers);
    let has_foreign_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().ok().and_then(authority_of);
        let ours = [
            host.map(str::to_owned),
            authority_of(&base_url::of_request(config, uri, headers)),
        ];
        origin.is_none_or(|origin| {
            !ours
                .iter()
                .flatten()
                .any(|ours| origin.eq_ignore_ascii_case(ours))
        })
    });
    if sent_by_another_site || has_foreign_origin {
        return Err(forbidden(
            "Pages of other sites may not use this API.".to_owned(),
        ));
    }
    match host {
        // A name can be made to lead here, and the page that did so is of the same site then. With authentication that
        // is of no use to it: browsers keep credentials by name.
        Some(host) if matches!(config.auth, Auth::NoAuth) && !is_known(config, host) => {
            Err(forbidden(format!(
                "Without authentication this API is reached under localhost, a loopback address or the name in [api] \
                 public_endpoint, not under {host:?}."
            )))
        }
        _ => Ok(()),
    }
}

fn is_known(config: &ApiConfig, host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let public = config.public_endpoint.as_deref().and_then(authority_of);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
        || public.is_some_and(|public| public.eq_ignore_ascii_case(host))
}

/// Name and port in a URL.
fn authority_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    url.scheme()?;
    Some(url.authority()?.as_str().to_owned())
}

fn forbidden(message: String) -> ApiError {
    ApiError::framework(StatusCode::FORBIDDEN, message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn passes(config: &ApiConfig, pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        check(config, &Uri::from_static("/v1/nodes"), &headers).is_ok()
    }

    const LOCAL: (&str, &str) = ("host", "127.0.0.1:6385");

    #[test]
    fn other_sites_are_refused() {
        let config = ApiConfig::default();
        for (name, value, passing) in [
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
            ("origin", "http://127.0.0.1:6385", true),
            ("origin", "http://127.0.0.1:8080", false),
            ("origin", "https://evil.example", false),
            ("origin", "null", false),
            ("origin", "127.0.0.1:6385", false),
        ] {
            assert_eq!(
                passes(&config, &[LOCAL, (name, value)]),
                passing,
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn our_own_pages_may_be_behind_a_proxy() {
        let config = ApiConfig {
            enable_proxy_headers: true,
            ..ApiConfig::default()
        };
        let proxied = [
            LOCAL,
            ("x-forwarded-host", "metal.example.org"),
            ("origin", "https://metal.example.org"),
        ];
        assert!(passes(&config, &proxied));
        assert!(!passes(&ApiConfig::default(), &proxied));
    }

    #[test]
    fn without_authentication_only_known_names_lead_here() {
        let mut config = ApiConfig::default();
        assert!(passes(&config, &[]));
        for host in ["localhost", "LOCALHOST:6385", "127.0.0.2", "[::1]:6385"] {
            assert!(passes(&config, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example:6385",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
        ] {
            let rebound = [("host", host), ("sec-fetch-site", "same-origin")];
            assert!(!passes(&config, &rebound), "{host}");
        }
        let public = [("host", "metal.example.org")];
        assert!(!passes(&config, &public));
        config.public_endpoint = Some("https://metal.example.org/baremetal".to_owned());
        assert!(passes(&config, &public));
    }
}
