//! From a BMC's name to an address that BMCs may have.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::time::{Instant, timeout_at};

use crate::AllowedNetworks;

/// Why a name leads nowhere.
pub(crate) enum Unresolved {
    /// It leads outside of the allowed networks, or to an address that is never a BMC's.
    Denied(IpAddr),
    /// It has no address, or nobody said so in time.
    Unknown(Option<io::Error>),
}

/// The address of a host by name or number: the first one that is permitted.
///
/// Whoever talks to the host uses this address and doesn't ask again, so that nobody can answer one thing to the check and
/// another to the connection.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    networks: &AllowedNetworks,
    until: Instant,
) -> Result<SocketAddr, Unresolved> {
    let candidates: Vec<SocketAddr> = if let Ok(address) = host.parse::<IpAddr>() {
        vec![SocketAddr::new(address, port)]
    } else {
        match timeout_at(until, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(Unresolved::Unknown(Some(error))),
            Err(_) => return Err(Unresolved::Unknown(None)),
        }
    };
    let permits = |candidate: &&SocketAddr| networks.permits(candidate.ip());
    match candidates.iter().find(permits) {
        // An IPv4 address in IPv6 clothes answers as IPv4.
        Some(found) => Ok(SocketAddr::new(found.ip().to_canonical(), found.port())),
        None => Err(candidates
            .first()
            .map_or(Unresolved::Unknown(None), |denied| {
                Unresolved::Denied(denied.ip())
            })),
    }
}
