//! Who owns which node, as this conductor last saw it.
//!
//! A copy of the registrations in the database, refreshed every few seconds and whenever somebody knows of a change.
//! Being a few seconds behind is harmless: what decides about a node is its reservation and fence, not the ring.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ironbark_db::{Database, NodeRef};
use ironbark_model::conductor::HEARTBEAT_TIMEOUT;
use ironbark_model::{Conductor, Node, Result, Timestamp};
use ironbark_ring::{Member, Rings};

/// This conductor's view of the rings. Cheap to clone; clones are the same view.
#[derive(Clone)]
pub struct RingView {
    host: String,
    seen: Arc<ArcSwap<Seen>>,
}

#[derive(Default)]
struct Seen {
    rings: Rings,
    /// Host names of all registrations that were renewed lately, whether they take work or not.
    breathing: BTreeSet<String>,
}

impl RingView {
    /// The view of the conductor `host`; empty until the first refresh.
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            seen: Arc::new(ArcSwap::default()),
        }
    }

    /// Reads the registrations anew.
    pub async fn refresh(&self, db: &Database) -> Result<()> {
        self.update(&db.conductors_all().await?, Timestamp::now());
        Ok(())
    }

    /// Makes the view of these registrations, at `now`.
    pub fn update(&self, conductors: &[Conductor], now: Timestamp) {
        let members: Vec<Member> = conductors
            .iter()
            .filter(|conductor| conductor.is_alive_at(now))
            .map(|conductor| Member {
                host: conductor.hostname.clone(),
                group: conductor.conductor_group.clone(),
                drivers: conductor.drivers.clone(),
            })
            .collect();
        let breathing = conductors
            .iter()
            .filter(|conductor| conductor.updated_at.age_at(now) < HEARTBEAT_TIMEOUT)
            .map(|conductor| conductor.hostname.clone())
            .collect();
        self.seen.store(Arc::new(Seen {
            rings: Rings::new(&members),
            breathing,
        }));
    }

    /// Whether this conductor owns the node.
    pub fn owns(&self, node: &NodeRef) -> bool {
        self.is_owner(&node.conductor_group, &node.driver, &node.uuid)
    }

    /// Whether this conductor owns the node.
    pub fn owns_node(&self, node: &Node) -> bool {
        self.is_owner(&node.conductor_group, &node.driver, &node.uuid)
    }

    /// The host name of the conductor that owns a node; `None` if nobody drives its hardware type in its group.
    pub fn owner(&self, group: &str, driver: &str, uuid: &str) -> Option<String> {
        self.seen
            .load()
            .rings
            .owner(group, driver, uuid)
            .map(str::to_owned)
    }

    /// Whether the conductor `host` gave no sign of life for so long that its reservations may be taken over. One
    /// that stops or drains takes no new work, but is not dead: it still holds what it is finishing.
    pub fn is_dead(&self, host: &str) -> bool {
        !self.seen.load().breathing.contains(host)
    }

    /// Host names of all conductors that gave a sign of life lately.
    pub fn breathing(&self) -> BTreeSet<String> {
        self.seen.load().breathing.clone()
    }

    fn is_owner(&self, group: &str, driver: &str, uuid: &str) -> bool {
        self.seen
            .load()
            .rings
            .owner(group, driver, uuid)
            .is_some_and(|owner| owner == self.host)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn conductor(hostname: &str, online: bool, age: u64, now: Timestamp) -> Conductor {
        Conductor {
            id: 1,
            hostname: hostname.into(),
            conductor_group: String::new(),
            drivers: vec!["ipmi".into()],
            online,
            incarnation: "i".into(),
            created_at: now.minus(Duration::from_secs(1000)),
            updated_at: now.minus(Duration::from_secs(age)),
        }
    }

    #[test]
    fn only_living_conductors_own_nodes() {
        let now = Timestamp::now();
        let view = RingView::new("a");
        assert!(!view.is_owner("", "ipmi", "x"), "empty before a refresh");
        view.update(
            &[conductor("a", true, 0, now), conductor("b", true, 61, now)],
            now,
        );
        for uuid in 0..50 {
            assert!(view.is_owner("", "ipmi", &uuid.to_string()));
        }
        assert!(!view.is_owner("", "redfish", "x"));
        assert!(view.is_dead("b"));
        assert!(view.is_dead("never registered"));
    }

    #[test]
    fn a_draining_conductor_owns_nothing_but_is_not_dead() {
        let now = Timestamp::now();
        let view = RingView::new("a");
        view.update(
            &[conductor("a", true, 0, now), conductor("b", false, 5, now)],
            now,
        );
        assert_eq!(view.owner("", "ipmi", "x").as_deref(), Some("a"));
        assert!(!view.is_dead("b"));
    }

    #[test]
    fn every_node_has_one_owner_whichever_conductor_looks() {
        let now = Timestamp::now();
        let all = [
            conductor("a", true, 0, now),
            conductor("b", true, 0, now),
            conductor("c", true, 59, now),
        ];
        let views: Vec<RingView> = ["a", "b", "c"]
            .iter()
            .map(|host| RingView::new(host))
            .collect();
        for view in &views {
            view.update(&all, now);
        }
        for number in 0..100 {
            let uuid = format!("node-{number}");
            assert_eq!(
                views
                    .iter()
                    .filter(|view| view.is_owner("", "ipmi", &uuid))
                    .count(),
                1
            );
        }
    }
}
