//! Which addresses may be BMCs: the operator's list, and what is never one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The networks in which BMCs lie (`[bmc] allowed_networks`).
///
/// Without a list every address is allowed but those that are never a BMC's: link-local addresses
/// (169.254.0.0/16, fe80::/10, where clouds serve their metadata), fd00:ec2::254 (metadata on IPv6),
/// the unspecified address, multicast and broadcast. A list can't allow those either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks {
    listed: Option<Vec<IpNet>>,
}

/// An entry of `[bmc] allowed_networks` that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{entry}' is neither a network such as 10.0.0.0/8 or fd12::/48 nor an address")]
pub struct NetworkError {
    /// The entry as it was written.
    pub entry: String,
}

impl AllowedNetworks {
    /// Reads a list of networks in CIDR notation; a bare address stands for itself alone.
    ///
    /// An empty list allows no address at all.
    pub fn parse<I>(entries: I) -> Result<Self, NetworkError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let listed = entries
            .into_iter()
            .map(|entry| parse_network(entry.as_ref().trim()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            listed: Some(listed),
        })
    }

    /// Whether a BMC may have this address.
    pub fn permits(&self, address: IpAddr) -> bool {
        // ::ffff:169.254.169.254 reaches the same host as 169.254.169.254.
        let address = address.to_canonical();
        if never_a_bmc(address) {
            return false;
        }
        self.listed
            .as_ref()
            .is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }
}

fn parse_network(entry: &str) -> Result<IpNet, NetworkError> {
    entry
        .parse::<IpNet>()
        .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| NetworkError {
            entry: entry.to_owned(),
        })
}

fn never_a_bmc(address: IpAddr) -> bool {
    const LINK_LOCAL_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16);
    const LINK_LOCAL_V6: Ipv6Net =
        Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
    // Where clouds answer their machines' questions, passwords included, besides 169.254.169.254.
    const METADATA_V4: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    const METADATA_V6: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    match address {
        IpAddr::V4(address) => {
            LINK_LOCAL_V4.contains(&address)
                || METADATA_V4.contains(&address)
                || address.octets().first() == Some(&0)
                || address.is_multicast()
                || address.is_broadcast()
        }
        IpAddr::V6(address) => {
            translated(address).is_some_and(|address| never_a_bmc(address.into()))
                || LINK_LOCAL_V6.contains(&address)
                || METADATA_V6.contains(&address)
                || address.is_unspecified()
                || address.is_multicast()
        }
    }
}

/// The IPv4 address that a NAT64 gateway makes of an address with the well-known prefix 64:ff9b::/96 (RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
    let [.., a, b, c, d] = address.octets();
    NAT64
        .contains(&address)
        .then_some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]

    use super::*;

    fn permits(list: &AllowedNetworks, address: &str) -> bool {
        list.permits(address.parse().unwrap())
    }

    #[test]
    fn without_a_list_everything_but_link_local_and_metadata_is_allowed() {
        let any = AllowedNetworks::default();
        for good in [
            "127.0.0.1",
            "10.1.2.3",
            "192.0.2.1",
            "::1",
            "fd12::1",
            "2001:db8::1",
            "64:ff9b::10.1.2.3",
            "100.100.100.201",
        ] {
            assert!(permits(&any, good), "{good}");
        }
        for bad in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::ffff:100.100.100.200",
            "64:ff9b::169.254.169.254",
            "64:ff9b::100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
        ] {
            assert!(!permits(&any, bad), "{bad}");
        }
    }

    #[test]
    fn a_list_narrows_and_never_widens() {
        let list =
            AllowedNetworks::parse(["10.0.0.0/8", "fd12::/48", "192.0.2.7", "169.254.0.0/16"])
                .unwrap();
        for good in ["10.255.0.1", "::ffff:10.0.0.1", "fd12::9", "192.0.2.7"] {
            assert!(permits(&list, good), "{good}");
        }
        for bad in [
            "11.0.0.1",
            "192.0.2.8",
            "127.0.0.1",
            "fd13::1",
            "169.254.169.254",
        ] {
            assert!(!permits(&list, bad), "{bad}");
        }
        assert!(!permits(
            &AllowedNetworks::parse::<[&str; 0]>([]).unwrap(),
            "10.0.0.1"
        ));
    }

    #[test]
    fn a_wrong_entry_is_named() {
        let error = AllowedNetworks::parse(["10.0.0.0/8", "10.0.0.0/33"]).unwrap_err();
        assert_eq!(error.entry, "10.0.0.0/33");
    }
}
