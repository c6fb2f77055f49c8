//! The way to one service: an HTTP client that knows a single address and follows nothing.

use std::{error::Error, io, net::SocketAddr, sync::Arc};

use ironbark_model::json::{self, MAX_DEPTH_IN_PASSING};
use reqwest::{
    StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    },
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{ClientConfig, Method, RedfishError, Scheme, Service, peer::Shared, tls};
use crate::{gate::Gate, resolve::resolve};

/// Headers in one answer; more is no Redfish service.
const MAX_HEADERS: usize = 64;
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// Connections to the address that a service had when it was looked up.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) gate: Arc<Gate>,
    http: reqwest::Client,
    max_answer: usize,
}

/// One exchange's request.
pub(super) struct Sending<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a str>,
    /// Credentials and conditions.
    pub(super) headers: HeaderMap,
}

/// One exchange's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
}

impl Connection {
    /// Looks the service's host up, checks its address, and prepares what is needed to connect. Nothing is sent yet.
    pub(super) async fn open(
        service: &Service,
        shared: &Arc<Shared>,
        until: Instant,
    ) -> Result<Self, RedfishError> {
        let config = &shared.config;
        let address = &service.address;
        let peer = resolve(
            address.host(),
            address.port(),
            &config.allowed_networks,
            until,
        )
        .await?;
        let prepared = {
            let (service, shared) = (service.clone(), Arc::clone(shared));
            tokio::task::spawn_blocking(move || tls::configuration(&service, &shared.system_trust))
        };
        let tls = match timeout_at(until, prepared).await {
            Ok(Ok(tls)) => tls?,
            _ => {
                return Err(RedfishError::Unreachable {
                    during: "preparing the connection",
                    source: None,
                });
            }
        };
        let http = client(config, address.host(), peer, tls)
            .https_only(address.scheme() == Scheme::Https)
            .build()
            .map_err(|error| RedfishError::Unreachable {
                during: "preparing the connection",
                source: Some(Box::new(error.without_url())),
            })?;
        Ok(Self {
            peer,
            gate: shared.gates.of(peer),
            http,
            max_answer: config.max_answer,
        })
    }

    /// One request and its whole answer.
    pub(super) async fn exchange(
        &self,
        service: &Service,
        sending: Sending<'_>,
    ) -> Result<Answer, RedfishError> {
        let url = service
            .address
            .url(sending.path)
            .ok_or(RedfishError::InvalidRequest {
                reason: "the path is no path of a URL",
            })?;
        let mut request = self
            .http
            .request(sending.method.into(), url)
            .header(ACCEPT, "application/json")
            // Nothing is unpacked here, so nothing can be larger than it looks.
            .header(ACCEPT_ENCODING, "identity")
            .header(ODATA_VERSION, "4.0")
            .headers(sending.headers);
        if let Some(body) = sending.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_owned());
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| broken(error, "waiting for the answer"))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let text = self.read(response, &headers).await?;
        let body = parse(status, &headers, &text)?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    async fn read(
        &self,
        mut response: reqwest::Response,
        headers: &HeaderMap,
    ) -> Result<Vec<u8>, RedfishError> {
        const TOO_LARGE: RedfishError = RedfishError::Protocol {
            reason: "its answer is larger than the host accepts",
        };
        let plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|value| !plain(value))
        {
            return Err(RedfishError::Protocol {
                reason: "its answer is compressed, which it was asked not to do",
            });
        }
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > self.max_answer) {
            return Err(TOO_LARGE);
        }
        let mut text = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| broken(error, "reading its answer"))?
        {
            if text.len() + chunk.len() > self.max_answer {
                return Err(TOO_LARGE);
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }
}

impl Answer {
    /// Whether it did what was asked.
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }
}

fn client(
    config: &ClientConfig,
    host: &str,
    peer: SocketAddr,
    tls: rustls::ClientConfig,
) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // The address that was checked, and no other, whatever the name leads to meanwhile.
        .resolve(host, peer)
        .redirect(reqwest::redirect::Policy::none())
        // What is sent again is decided here, not below.
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .user_agent(concat!("ironbark/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.read_timeout)
        .pool_max_idle_per_host(config.concurrency)
        .pool_idle_timeout(config.idle_timeout)
}

/// The body as JSON. A service that refuses may do so in HTML; one that agrees may not.
fn parse(
    status: StatusCode,
    headers: &HeaderMap,
    text: &[u8],
) -> Result<Option<Value>, RedfishError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let parsed = if says_json(headers) {
        json::parse(text, MAX_DEPTH_IN_PASSING).ok()
    } else {
        None
    };
    if parsed.is_none() && status.is_success() {
        return Err(RedfishError::Protocol {
            reason: "its answer is not JSON: check that redfish_address is that of the Redfish service",
        });
    }
    Ok(parsed)
}

/// Whether the body is said to be JSON, or nothing is said.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json")
}

/// What the HTTP client's error means.
fn broken(error: reqwest::Error, during: &'static str) -> RedfishError {
    // Its URL names the host.
    let error = error.without_url();
    if let Some(found) = tls_error(&error) {
        return RedfishError::Untrusted {
            reason: match found {
                rustls::Error::InvalidCertificate(_) => {
                    "its certificate is not trusted: check redfish_verify_ca, redfish_certificate_sha256 and that redfish_address is the name in the certificate"
                }
                _ => {
                    "TLS fails: check that redfish_address has the right scheme and port, and redfish_tls_minimum_version and redfish_tls_ciphers"
                }
            },
            source: Some(Box::new(error)),
        };
    }
    RedfishError::Unreachable {
        during: if error.is_connect() {
            "connecting"
        } else {
            during
        },
        source: Some(Box::new(error)),
    }
}

/// The TLS library's error below an HTTP client's, if there is one.
fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    let mut below: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = below {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found.clone());
        }
        // An I/O error shows as its source what is below the error in it.
        below = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
