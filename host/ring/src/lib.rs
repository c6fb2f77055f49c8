//! The consistent-hash ring that maps nodes to conductors, bit for bit as Ironic's.
//!
//! Pure: this crate knows nothing of nodes, conductors or databases, only names and keys.
//!
//! One [`Ring`] for each `conductor group : hardware type`; [`Rings`] holds them all. A host has 32 points: the MD5
//! digests of its name repeated 2, 3, … 33 times. A key belongs to the first point greater than its own MD5 digest.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest, Md5};

/// 2^5 points a host (Ironic's `hash_partition_exponent`).
const POINTS_PER_HOST: usize = 32;

/// Host names on a ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    points: Vec<(u128, String)>,
}

impl Ring {
    /// A ring of these hosts. Their order doesn't matter.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Self {
        let hosts: BTreeSet<&str> = hosts.into_iter().collect();
        let mut points = Vec::with_capacity(hosts.len() * POINTS_PER_HOST);
        for host in hosts {
            let mut hash = Md5::new();
            hash.update(host);
            for _ in 0..POINTS_PER_HOST {
                hash.update(host);
                points.push((number(hash.clone()), host.to_owned()));
            }
        }
        points.sort();
        Self { points }
    }

    /// The host that `key` (a node's UUID) belongs to; `None` on an empty ring.
    pub fn owner(&self, key: &str) -> Option<&str> {
        self.points
            .get(self.index(key))
            .map(|(_, host)| host.as_str())
    }

    /// All hosts, sorted.
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.points.iter().map(|(_, host)| host.as_str()).collect()
    }

    fn index(&self, key: &str) -> usize {
        let key = number(Md5::new().chain_update(key));
        let index = self.points.partition_point(|(point, _)| *point <= key);
        if index == self.points.len() { 0 } else { index }
    }
}

/// A conductor, as rings see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Host name.
    pub host: String,
    /// Conductor group; compared in lower case.
    pub group: String,
    /// Hardware types that it drives.
    pub drivers: Vec<String>,
}

/// All rings, made from the conductors that are online.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rings {
    rings: BTreeMap<(String, String), Ring>,
    hosts_by_driver: BTreeMap<String, BTreeSet<String>>,
}

impl Rings {
    /// The rings of these conductors.
    pub fn new(members: &[Member]) -> Self {
        let mut hosts: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        let mut hosts_by_driver: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for member in members {
            for driver in &member.drivers {
                hosts
                    .entry((member.group.to_lowercase(), driver.clone()))
                    .or_default()
                    .insert(&member.host);
                hosts_by_driver
                    .entry(driver.clone())
                    .or_default()
                    .insert(member.host.clone());
            }
        }
        Self {
            rings: hosts
                .into_iter()
                .map(|(key, hosts)| (key, Ring::new(hosts)))
                .collect(),
            hosts_by_driver,
        }
    }

    /// The conductor that owns a node of this group (in lower case) and hardware type.
    pub fn owner(&self, group: &str, driver: &str, node_uuid: &str) -> Option<&str> {
        self.rings
            .get(&(group.to_owned(), driver.to_owned()))
            .and_then(|ring| ring.owner(node_uuid))
    }

    /// Hosts that drive this hardware type, in any group, sorted.
    pub fn hosts_of_driver(&self, driver: &str) -> Vec<&str> {
        self.hosts_by_driver
            .get(driver)
            .map(|hosts| hosts.iter().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// Hardware types that some conductor drives, with their hosts; sorted.
    pub fn drivers(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.hosts_by_driver
            .iter()
            .map(|(driver, hosts)| (driver.as_str(), hosts))
    }
}

fn number(hash: Md5) -> u128 {
    u128::from_be_bytes(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Measured on Ironic's own ring: (node, owner, index of the point).
    const VECTORS: &[(&str, &str, usize)] = &[
        ("00000000-0000-0000-0000-000000000001", "cond-b", 81),
        ("1be26c0b-03f2-4d2e-ae87-c02d7f33c999", "cond-c", 3),
        ("cb3e5614-d127-41fe-b673-685bef5598d3", "cond-a", 25),
        ("6d85703a-565d-469a-96ce-30b6de53079d", "cond-c", 40),
        ("ea318eb0-a301-41c6-8e33-b3af599f87ec", "cond-a", 0),
        ("27e3153e-d5bf-4b7e-b517-fb518e17f34c", "cond-c", 31),
    ];

    #[test]
    fn agrees_with_ironic_bit_for_bit() {
        let ring = Ring::new(["cond-c", "cond-a", "cond-b"]);
        assert_eq!(ring.points.len(), 96);
        for (node, owner, index) in VECTORS {
            assert_eq!(ring.index(node), *index, "{node}");
            assert_eq!(ring.owner(node), Some(*owner), "{node}");
        }
    }

    #[test]
    fn groups_and_drivers_have_rings_of_their_own() {
        let member = |host: &str, group: &str, driver: &str| Member {
            host: host.into(),
            group: group.into(),
            drivers: vec![driver.into()],
        };
        let rings = Rings::new(&[
            member("a", "", "ipmi"),
            member("b", "Rack1", "ipmi"),
            member("c", "", "fake-hardware"),
        ]);
        assert_eq!(rings.owner("", "ipmi", "x"), Some("a"));
        assert_eq!(rings.owner("rack1", "ipmi", "x"), Some("b"));
        assert_eq!(rings.owner("", "redfish", "x"), None);
        assert_eq!(rings.hosts_of_driver("ipmi"), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn losing_a_host_moves_only_its_own_nodes(hosts in prop::collection::btree_set("[a-z]{1,12}", 2..6), keys in prop::collection::vec("[0-9a-f-]{36}", 1..40)) {
            let all: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let before = Ring::new(all.iter().copied());
            let gone = all[0];
            let after = Ring::new(all.iter().copied().skip(1));
            for key in &keys {
                let owner = before.owner(key).unwrap();
                if owner != gone {
                    prop_assert_eq!(after.owner(key).unwrap(), owner);
                }
            }
        }
    }
}
