//! What an operator can set about the API.

use std::time::Duration;

use crate::Htpasswd;

/// Who may use the API.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Everybody who can connect.
    NoAuth,
    /// Whoever has a name and a password in this file.
    HttpBasic(Htpasswd),
}

/// The API's settings.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Who may use it.
    pub auth: Auth,
    /// What links begin with, without `/v1`; without it, the host that the client asked for.
    pub public_endpoint: Option<String>,
    /// The most rows that one page of a list has.
    pub max_limit: u32,
    /// Believe `Forwarded` and `X-Forwarded-…` when making links. Only behind a proxy that sets them.
    pub enable_proxy_headers: bool,
    /// Clients connect with TLS, so that links begin with `https`.
    pub tls: bool,
    /// The conductor group of a node that is created without one, in lower case: it says who is asked to create it.
    pub default_conductor_group: String,
    /// Ramdisks may look nodes up and report, without authentication.
    pub ramdisk_endpoints: bool,
    /// How long an agent may be silent: it is told to report more often.
    pub ramdisk_heartbeat_timeout: Duration,
    /// Steps that clients can't give.
    pub disallowed_steps: DisallowedSteps,
    /// Bounds.
    pub limits: Limits,
}

/// Steps that clients can't give with a verb, as `interface.step`. What is kept (templates, runbooks) never has raw commands.
#[derive(Clone, Debug)]
pub struct DisallowedSteps {
    /// In `clean_steps`, also those of a runbook.
    pub clean: Vec<String>,
    /// In `deploy_steps`.
    pub deploy: Vec<String>,
    /// In `service_steps`, also those of a runbook.
    pub service: Vec<String>,
}

impl Default for DisallowedSteps {
    /// Raw commands to a BMC get around every other check.
    fn default() -> Self {
        let raw = || vec!["vendor.send_raw".to_owned()];
        Self {
            clean: raw(),
            deploy: raw(),
            service: raw(),
        }
    }
}

impl Default for ApiConfig {
    /// No authentication, links to where the client asked, pages of 1000.
    fn default() -> Self {
        Self {
            auth: Auth::NoAuth,
            public_endpoint: None,
            max_limit: 1000,
            enable_proxy_headers: false,
            tls: false,
            default_conductor_group: String::new(),
            ramdisk_endpoints: true,
            ramdisk_heartbeat_timeout: Duration::from_secs(300),
            disallowed_steps: DisallowedSteps::default(),
            limits: Limits::default(),
        }
    }
}

/// How much may be asked of the API at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests under way; one more is answered 503. Much more than what conductors take, whose own bounds come first:
    /// many requests that wait for slow machines must not keep others from reading.
    pub in_flight: usize,
    /// Bytes of request bodies in memory, all together and with what they become when parsed; more is answered 503.
    pub body_memory: usize,
    /// Requests of ramdisks under way; one more is answered 503. Nobody vouches for them: they must not take the room of others.
    pub ramdisks: usize,
    /// As `body_memory`, for what ramdisks send.
    pub ramdisk_memory: usize,
    /// Consoles that are open, or about to be; one more is answered 503.
    pub consoles: usize,
    /// How long a client may take to send a body of ordinary size; a package may take ten times as long.
    pub body_timeout: Duration,
    /// Passwords that wait to be checked; one more is answered 503.
    pub password_queue: usize,
    /// Longest request target in bytes.
    pub uri: usize,
    /// Request headers in bytes, all together.
    pub headers: usize,
    /// How long what is known of conductors may be used before the database is asked again.
    pub ring_max_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 4096,
            body_memory: 256 * 1024 * 1024,
            ramdisks: 64,
            ramdisk_memory: 128 * 1024 * 1024,
            consoles: 128,
            body_timeout: Duration::from_secs(30),
            password_queue: 64,
            uri: 16 * 1024,
            headers: 64 * 1024,
            ring_max_age: Duration::from_secs(2),
        }
    }
}
