//! What links begin with.

use axum::http::{HeaderMap, Uri, header};

use crate::ApiConfig;

/// What stands where no host is known: a request of HTTP/1.0 may come without one.
const NO_HOST: &str = "localhost";

/// The URL that `/v1` is under, without a slash at its end.
pub(crate) fn of_request(config: &ApiConfig, uri: &Uri, headers: &HeaderMap) -> String {
    if let Some(endpoint) = &config.public_endpoint {
        let endpoint = endpoint.trim_end_matches('/');
        return endpoint.strip_suffix("/v1").unwrap_or(endpoint).to_owned();
    }
    let mut scheme = if config.tls { "https" } else { "http" };
    let mut host = host(uri, headers)
        .filter(|host| is_host(host))
        .unwrap_or(NO_HOST);
    let mut prefix = "";
    if config.enable_proxy_headers {
        let told = Proxied::read(headers);
        scheme = match told.scheme {
            Some(told) if told.eq_ignore_ascii_case("https") => "https",
            Some(told) if told.eq_ignore_ascii_case("http") => "http",
            _ => scheme,
        };
        host = told.host.filter(|told| is_host(told)).unwrap_or(host);
        prefix = told.prefix.filter(|told| is_prefix(told)).unwrap_or(prefix);
    }
    format!("{scheme}://{host}{}", prefix.trim_end_matches('/'))
}

/// Name and port under which the client reached us, as it says.
pub(crate) fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<&'r str> {
    text(headers, header::HOST.as_str())
        .or_else(|| uri.authority().map(|authority| authority.as_str()))
}

/// What a proxy says of the client's request: `Forwarded` (RFC 7239), else the older `X-Forwarded-…`.
#[derive(Default)]
struct Proxied<'a> {
    scheme: Option<&'a str>,
    host: Option<&'a str>,
    prefix: Option<&'a str>,
}

impl<'a> Proxied<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let mut told = Self {
            scheme: text(headers, "x-forwarded-proto").map(first),
            host: text(headers, "x-forwarded-host").map(first),
            prefix: text(headers, "x-forwarded-prefix").map(first),
        };
        for pair in text(headers, "forwarded")
            .map(first)
            .unwrap_or_default()
            .split(';')
        {
            match pair.trim().split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("proto") => {
                    told.scheme = Some(value.trim_matches('"'));
                }
                Some((name, value)) if name.eq_ignore_ascii_case("host") => {
                    told.host = Some(value.trim_matches('"'));
                }
                _ => {}
            }
        }
        told
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or(list).trim()
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

fn is_prefix(text: &str) -> bool {
    text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn url(config: &ApiConfig, pairs: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        of_request(config, &Uri::from_static("/v1/nodes"), &headers)
    }

    #[test]
    fn links_lead_to_where_the_client_asked() {
        let mut config = ApiConfig::default();
        let proxy = [
            ("host", "10.0.0.1:6385"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "metal.example.org, inner"),
            ("x-forwarded-prefix", "/baremetal"),
        ];
        assert_eq!(url(&config, &proxy), "http://10.0.0.1:6385");
        config.enable_proxy_headers = true;
        assert_eq!(url(&config, &proxy), "https://metal.example.org/baremetal");
        assert_eq!(
            url(
                &config,
                &[
                    ("host", "a"),
                    ("forwarded", "for=1.2.3.4;proto=https;host=\"b:1\"")
                ]
            ),
            "https://b:1"
        );
        assert_eq!(
            url(&config, &[("host", "a\"><script>")]),
            "http://localhost"
        );
        config.public_endpoint = Some("https://metal.example.org/v1/".to_owned());
        assert_eq!(url(&config, &proxy), "https://metal.example.org");
    }
}
