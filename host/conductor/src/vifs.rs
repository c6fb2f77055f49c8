//! The VIFs that `ironbark-recorder` writes down: which port or port group stands for which.
//!
//! A VIF is in the `internal_info` of what stands for it, under the key that Ironic has for it. Physical networks aren't compared:
//! nothing here knows in which one a VIF is.

use ironbark_db::{Database, Page, PortgroupFilter, ReservedTx};
use ironbark_model::{Error, InterfaceKind, JsonObject, Node, Port, Portgroup, Result};
use serde_json::Value;

use crate::call::implementation_name;
use crate::context::Context;
use crate::operations::{Run, Trouble};

/// Key of the `internal_info` of a port or port group.
const KEY: &str = "tenant_vif_port_id";

/// What can stand for a VIF: a port, or a port group as a whole.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    Port(Port),
    Group(Portgroup),
}

/// A node's ports and port groups.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    pub(crate) ports: Vec<Port>,
    pub(crate) groups: Vec<Portgroup>,
}

impl Holders {
    /// Those of a node.
    pub(crate) async fn of(db: &Database, node_uuid: &str) -> Result<Self> {
        let filter = PortgroupFilter {
            node_uuid: Some(node_uuid.to_owned()),
            ..PortgroupFilter::default()
        };
        Ok(Self {
            ports: db.ports_of_node(node_uuid).await?,
            groups: db.portgroup_list(&filter, &Page::first(u32::MAX)).await?,
        })
    }

    /// The VIFs that are attached.
    pub(crate) fn attached(&self) -> Vec<String> {
        let of_groups = self.groups.iter().map(|group| &group.internal_info);
        let of_ports = self.ports.iter().map(|port| &port.internal_info);
        of_groups
            .chain(of_ports)
            .filter_map(vif_of)
            .map(str::to_owned)
            .collect()
    }

    /// What a VIF goes to, with the VIF: what is asked for, or the first that is free. Port groups come before ports, and what
    /// boots from the network before what doesn't.
    ///
    /// # Errors
    /// `Conflict` if the VIF is attached already, `InvalidParameter` if nothing is free.
    pub(crate) fn attach(&self, node: &str, vif: &JsonObject) -> Result<Holder> {
        let id = id_of(vif)?;
        if let Some(holder) = self.holder_of(id) {
            return Err(already_attached(id, holder.uuid()));
        }
        let wanted = |key: &str| vif.get(key).and_then(Value::as_str);
        let (port, group) = (wanted("port_uuid"), wanted("portgroup_uuid"));
        let mut free: Vec<(bool, bool, Holder)> = Vec::new();
        for candidate in &self.groups {
            let is_asked_for = port.is_none() && group.is_none_or(|uuid| uuid == candidate.uuid);
            if is_asked_for && self.is_free_as_a_whole(candidate) {
                let boots = self.members(candidate).any(|port| port.pxe_enabled);
                free.push((true, boots, Holder::Group(candidate.clone())));
            }
        }
        for candidate in &self.ports {
            let is_asked_for = port.is_none_or(|uuid| uuid == candidate.uuid)
                && group.is_none_or(|uuid| candidate.portgroup_uuid.as_deref() == Some(uuid));
            if is_asked_for && self.is_free_alone(candidate, port.is_some()) {
                free.push((
                    false,
                    candidate.pxe_enabled,
                    Holder::Port(candidate.clone()),
                ));
            }
        }
        // Stable: within each kind the order in which they were made.
        free.sort_by_key(|(is_group, boots, _)| (!is_group, !boots));
        let Some((_, _, mut chosen)) = free.into_iter().next() else {
            return Err(Error::invalid(format!(
                "Cannot attach VIF {id} to node {node}: it has no free port for it. Add a port, or detach another VIF."
            )));
        };
        chosen.info_mut().insert(KEY.to_owned(), id.into());
        Ok(chosen)
    }

    /// What stood for a VIF, without it.
    ///
    /// # Errors
    /// `InvalidParameter` if the VIF isn't attached.
    pub(crate) fn detach(&self, node: &str, vif: &str) -> Result<Holder> {
        let mut holder = self.holder_of(vif).ok_or_else(|| not_attached(node, vif))?;
        holder.info_mut().remove(KEY);
        Ok(holder)
    }

    /// Takes all VIFs away.
    pub(crate) async fn clear(&self, node: &str, tx: &mut ReservedTx) -> Result<()> {
        for vif in self.attached() {
            self.detach(node, &vif)?.store(tx).await?;
        }
        Ok(())
    }

    fn holder_of(&self, vif: &str) -> Option<Holder> {
        let is_its = |info: &JsonObject| vif_of(info) == Some(vif);
        let group = self
            .groups
            .iter()
            .find(|group| is_its(&group.internal_info));
        let port = || self.ports.iter().find(|port| is_its(&port.internal_info));
        group
            .cloned()
            .map(Holder::Group)
            .or_else(|| port().cloned().map(Holder::Port))
    }

    fn members<'a>(&'a self, group: &'a Portgroup) -> impl Iterator<Item = &'a Port> {
        self.ports
            .iter()
            .filter(|port| port.portgroup_uuid.as_deref() == Some(&group.uuid))
    }

    /// It has ports, and neither it nor one of them is in use.
    fn is_free_as_a_whole(&self, group: &Portgroup) -> bool {
        vif_of(&group.internal_info).is_none()
            && self.members(group).next().is_some()
            && self.members(group).all(|port| !has_vif(port))
    }

    /// It isn't in use, nor is it part of what is; in a group that could be used as a whole only if it is `asked_for`.
    fn is_free_alone(&self, port: &Port, asked_for: bool) -> bool {
        if has_vif(port) {
            return false;
        }
        let group = self
            .groups
            .iter()
            .find(|group| port.portgroup_uuid.as_deref() == Some(&group.uuid));
        group.is_none_or(|group| {
            group.standalone_ports_supported
                && vif_of(&group.internal_info).is_none()
                && (asked_for || !self.is_free_as_a_whole(group))
        })
    }
}

impl Holder {
    fn uuid(&self) -> &str {
        match self {
            Self::Port(port) => &port.uuid,
            Self::Group(group) => &group.uuid,
        }
    }

    fn info_mut(&mut self) -> &mut JsonObject {
        match self {
            Self::Port(port) => &mut port.internal_info,
            Self::Group(group) => &mut group.internal_info,
        }
    }

    /// Stores it as it is now.
    pub(crate) async fn store(&self, tx: &mut ReservedTx) -> Result<()> {
        match self {
            Self::Port(port) => tx.port_update(port).await.map(drop),
            Self::Group(group) => tx.portgroup_update(group).await.map(drop),
        }
    }
}

/// Whether a port stands for a VIF.
pub(crate) fn has_vif(port: &Port) -> bool {
    vif_of(&port.internal_info).is_some()
}

/// The `id` of what is to be attached.
pub(crate) fn id_of(vif: &JsonObject) -> Result<&str> {
    vif.get("id")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::missing("A VIF needs an id."))
}

/// A VIF is attached only once.
pub(crate) fn already_attached(vif: &str, to: &str) -> Error {
    Error::conflict(format!(
        "Unable to attach VIF {vif}: it is attached to {to} already."
    ))
}

/// Only what is attached can be detached.
pub(crate) fn not_attached(node: &str, vif: &str) -> Error {
    Error::invalid(format!(
        "Unable to detach VIF {vif} from node {node}: it is not attached to it."
    ))
}

/// Takes all VIFs from a node whose instance goes away. Safe to run again. One that can't be detached leaves the others no less
/// detached.
///
/// # Errors
/// The first that went wrong.
pub(crate) async fn detach_all(run: &mut Run) -> Result<(), Trouble> {
    if run.node.interface(InterfaceKind::Network).is_none() {
        return Ok(());
    }
    if run.call().records_vifs()? {
        let holders = Holders::of(&run.ctx().db, &run.node.uuid).await?;
        let mut tx = run.held.begin().await?;
        holders.clear(&run.node.uuid, &mut tx).await?;
        tx.commit().await?;
        return Ok(());
    }
    let listed = run.call().vif_list().await?;
    let mut first = Ok(());
    for vif in run.keep(listed) {
        match run.call().vif_detach(&vif).await.map_err(Trouble::from) {
            Ok(detached) => run.settle(detached).await?,
            Err(Trouble::Failed(error)) => {
                tracing::warn!(%vif, error = %error, "a VIF could not be detached");
                first = first.and(Err(Trouble::Failed(error)));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    first
}

/// What stands for the VIFs that this conductor itself wrote down; nothing where a driver has them.
pub(crate) async fn recorded(ctx: &Context, node: &Node) -> Result<Holders> {
    let recorder = implementation_name(node, InterfaceKind::Network)
        .and_then(|name| {
            let drivers = &ctx.drivers;
            let found = drivers.implementation_for(node, InterfaceKind::Network, name);
            found.ok()
        })
        .is_some_and(|network| network.records_vifs());
    if recorder {
        Holders::of(&ctx.db, &node.uuid).await
    } else {
        Ok(Holders::default())
    }
}

fn vif_of(internal_info: &JsonObject) -> Option<&str> {
    internal_info.get(KEY).and_then(Value::as_str)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ironbark_model::ErrorKind;
    use serde_json::json;

    use super::*;

    fn port(uuid: &str, pxe_enabled: bool, group: Option<&str>) -> Port {
        Port {
            uuid: uuid.into(),
            pxe_enabled,
            portgroup_uuid: group.map(str::to_owned),
            ..Port::default()
        }
    }

    fn group(uuid: &str, standalone: bool) -> Portgroup {
        Portgroup {
            uuid: uuid.into(),
            standalone_ports_supported: standalone,
            ..Portgroup::default()
        }
    }

    fn vif(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    impl Holders {
        /// Attaches a VIF, and answers to what.
        fn take(&mut self, asked: Value) -> std::result::Result<String, ErrorKind> {
            let holder = self
                .attach("n", &vif(asked))
                .map_err(|error| error.kind())?;
            let uuid = holder.uuid().to_owned();
            self.put(holder);
            Ok(uuid)
        }

        fn put(&mut self, holder: Holder) {
            match holder {
                Holder::Port(port) => {
                    let old = self.ports.iter_mut().find(|p| p.uuid == port.uuid);
                    *old.unwrap() = port;
                }
                Holder::Group(group) => {
                    let old = self.groups.iter_mut().find(|g| g.uuid == group.uuid);
                    *old.unwrap() = group;
                }
            }
        }
    }

    #[test]
    fn a_vif_goes_to_a_free_port_that_boots_from_the_network_first() {
        let mut node = Holders {
            ports: vec![
                port("a", false, None),
                port("b", true, None),
                port("c", true, None),
            ],
            groups: vec![],
        };
        for (id, expected) in [("1", "b"), ("2", "c"), ("3", "a")] {
            assert_eq!(node.take(json!({"id": id})).as_deref(), Ok(expected));
        }
        assert_eq!(
            node.take(json!({"id": "4"})),
            Err(ErrorKind::InvalidParameter)
        );
        assert_eq!(node.take(json!({"id": "2"})), Err(ErrorKind::Conflict));
        assert_eq!(node.attached(), ["3", "1", "2"]);
        let freed = node.detach("n", "2").unwrap();
        assert_eq!(freed.uuid(), "c");
        node.put(freed);
        assert_eq!(node.attached(), ["3", "1"]);
        assert!(node.detach("n", "9").is_err());
    }

    #[test]
    fn a_bond_takes_one_vif_as_a_whole_and_comes_first() {
        let mut node = Holders {
            ports: vec![
                port("alone", true, None),
                port("a", false, Some("g")),
                port("b", false, Some("g")),
                port("c", true, Some("h")),
            ],
            groups: vec![group("empty", true), group("g", true), group("h", false)],
        };
        // The one that boots from the network, the other one, then what is in none: members of bonds in use aren't free.
        for (id, expected) in [("1", "h"), ("2", "g"), ("3", "alone")] {
            assert_eq!(node.take(json!({"id": id})).as_deref(), Ok(expected));
        }
        assert_eq!(
            node.take(json!({"id": "4"})),
            Err(ErrorKind::InvalidParameter)
        );
        for id in ["1", "2"] {
            assert_eq!(node.take(json!({"id": id})), Err(ErrorKind::Conflict));
        }
        assert_eq!(node.attached(), ["2", "1", "3"]);
        let freed = node.detach("n", "1").unwrap();
        node.put(freed);
        assert_eq!(node.take(json!({"id": "5"})).as_deref(), Ok("h"));
    }

    #[test]
    fn what_is_asked_for_must_be_free() {
        let mut node = Holders {
            ports: vec![
                port("a", true, Some("g")),
                port("b", true, Some("g")),
                port("c", true, Some("whole")),
            ],
            groups: vec![group("g", true), group("whole", false)],
        };
        let refused = Err(ErrorKind::InvalidParameter);
        // A port of a bond alone, where that is supported: then the bond isn't free as a whole, but its other ports are.
        let asked = |id: &str, port: &str| json!({"id": id, "port_uuid": port});
        assert_eq!(node.take(asked("1", "b")).as_deref(), Ok("b"));
        for bad in ["b", "c", "z"] {
            assert_eq!(node.take(asked("2", bad)), refused, "{bad}");
        }
        let bond = |id: &str, uuid: &str| json!({"id": id, "portgroup_uuid": uuid});
        assert_eq!(node.take(bond("2", "g")).as_deref(), Ok("a"));
        assert_eq!(node.take(bond("3", "g")), refused);
        assert_eq!(node.take(bond("3", "whole")).as_deref(), Ok("whole"));
        assert_eq!(node.take(bond("4", "z")), refused);
    }
}
