//! Where a Redfish service is: `redfish_address`, taken apart.

use std::net::Ipv6Addr;

use reqwest::Url;

/// Where the service root is if the address has no path (DSP0266 §6.2).
const DEFAULT_ROOT: &str = "/redfish/v1";

/// A service's scheme, host, port and root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: Scheme,
    host: String,
    port: u16,
    root: String,
}

/// How a service is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear: user and password too.
    Http,
    /// Through TLS.
    Https,
}

impl Address {
    /// Reads a URL; without a scheme it is `https`. `None` if it isn't one of a service, or has more in it than that.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let url = if text.contains("://") {
            Url::parse(text)
        } else if text.parse::<Ipv6Addr>().is_ok() {
            Url::parse(&format!("https://[{text}]"))
        } else {
            Url::parse(&format!("https://{text}"))
        }
        .ok()?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let only_an_address = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let root = url.path().trim_end_matches('/');
        let root = if root.is_empty() { DEFAULT_ROOT } else { root };
        (only_an_address && super::path::check(root).is_ok()).then_some(())?;
        Some(Self {
            scheme,
            host: url
                .host_str()?
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port_or_known_default()?,
            root: root.to_owned(),
        })
    }

    /// How it is talked to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its host's name or number; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path of the service root, without a slash at its end.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The URL of a path on this service.
    pub(super) fn url(&self, path: &str) -> Option<Url> {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        };
        let url = Url::parse(&format!("{scheme}://{host}:{}{path}", self.port)).ok()?;
        // What a URL parser tidies up isn't what was asked for, and checked.
        let (asked, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        (url.path() == asked && url.query() == query).then_some(url)
    }

    /// Whether a URL leads to the same scheme, host and port.
    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        self.url("/")
            .is_some_and(|own| own.origin() == url.origin())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn scheme_port_and_root_have_defaults() {
        for (text, scheme, host, port, root) in [
            (
                "bmc-1.example.org",
                Scheme::Https,
                "bmc-1.example.org",
                443,
                "/redfish/v1",
            ),
            (
                "http://10.0.0.1:8000/",
                Scheme::Http,
                "10.0.0.1",
                8000,
                "/redfish/v1",
            ),
            (
                "https://[fd00::1]/emulator/redfish/v1/",
                Scheme::Https,
                "fd00::1",
                443,
                "/emulator/redfish/v1",
            ),
            ("fd00::1", Scheme::Https, "fd00::1", 443, "/redfish/v1"),
            ("0x7f.1:80", Scheme::Https, "127.0.0.1", 80, "/redfish/v1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (
                    address.scheme(),
                    address.host(),
                    address.port(),
                    address.root()
                ),
                (scheme, host, port, root),
                "{text}"
            );
            assert!(address.is_origin_of(&address.url("/a/b?c=d").unwrap()));
        }
    }

    #[test]
    fn what_is_more_than_an_address_is_none() {
        for text in [
            "",
            "https://",
            "ftp://bmc/",
            "https://user:password@bmc/",
            "https://bmc/?a=b",
            "https://bmc/#a",
            "https://bmc/a%2fb",
            "a b",
            "https://bmc:0x50/",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_that_would_be_tidied_up_has_no_url() {
        let address = Address::parse("bmc").unwrap();
        for path in ["/a/../b", "/a/./b", "/a/%2e%2e/b", "//other/a", "/a b"] {
            let url = address.url(path);
            assert!(
                url.as_ref()
                    .is_none_or(|url| address.is_origin_of(url) && url.path() == path),
                "{url:?}"
            );
        }
    }
}
