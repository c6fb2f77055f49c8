//! What a service is like.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// Where a service listens, who may use it, and what is behind it.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Where it listens. Default 127.0.0.1.
    pub bind: IpAddr,
    /// Its TCP port; 0 takes one that is free. Default 0.
    pub port: u16,
    /// Whether it speaks TLS, with a certificate that it signs itself at the start. Default false.
    pub tls: bool,
    /// Its user. Default `admin`.
    pub username: String,
    /// The user's password. Default `password`.
    pub password: String,
    /// Whether it has sessions; else there is only basic authentication. Default true.
    pub sessions: bool,
    /// How many sessions it has room for. Default 16.
    pub session_slots: usize,
    /// A session without a request for so long is dropped. Default 30 minutes.
    pub session_timeout: Duration,
    /// How many systems it holds; they are called 1, 2, …. Default 1.
    pub systems: usize,
    /// Whether the systems are blades: each is in a chassis of its own and in one enclosure with all others. Default false.
    pub enclosure: bool,
    /// Whether the machines have power at the start. Default false.
    pub power: bool,
    /// Whether it gives out weak ETags, though it matches only strong ones. Default false.
    pub weak_etags: bool,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            tls: false,
            username: "admin".to_owned(),
            password: "password".to_owned(),
            sessions: true,
            session_slots: 16,
            session_timeout: Duration::from_secs(30 * 60),
            systems: 1,
            enclosure: false,
            power: false,
            weak_etags: false,
        }
    }
}
