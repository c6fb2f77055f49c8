//! When a port group may change, and who may be in it: pure.

use ironbark_model::{Error, Node, Port, Portgroup, Result};

use crate::vifs::has_vif;

/// A port group with the ports that are in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) portgroup: Portgroup,
    pub(super) ports: Vec<Port>,
}

/// Refuses a change of a group into `after` that its ports don't allow.
pub(super) fn check_change(node: &Node, group: &Group, after: &Portgroup) -> Result<()> {
    let before = &group.portgroup;
    if before.node_uuid != after.node_uuid {
        return Err(Error::invalid(format!(
            "Portgroup {} stays with node {}: delete it, and create one for the other node.",
            before.uuid, before.node_uuid
        )));
    }
    let loses_standalone = before.standalone_ports_supported && !after.standalone_ports_supported;
    if loses_standalone
        && is_switched(node)
        && let Some(port) = group
            .ports
            .iter()
            .find(|port| port.pxe_enabled || has_vif(port))
    {
        return Err(Error::conflict(format!(
            "Portgroup {} can't give up standalone ports while it contains port {} with pxe_enabled or a VIF.",
            before.uuid, port.uuid
        )));
    }
    Ok(())
}

/// Refuses to delete a group that has ports.
pub(super) fn check_delete(group: &Group) -> Result<()> {
    match group.ports.first() {
        None => Ok(()),
        Some(port) => Err(Error::invalid(format!(
            "Portgroup {} can't be deleted: it contains ports, such as {}. Take them out first.",
            group.portgroup.uuid, port.uuid
        ))),
    }
}

/// Refuses a port that doesn't fit the group that it is in after a change; `before` is none for a new port.
///
/// All ports of a group are in one physical network: that of the others, or else the group's own if it has one.
pub(super) fn check_member(
    node: &Node,
    group: &Group,
    before: Option<&Port>,
    after: &Port,
) -> Result<()> {
    let portgroup = &group.portgroup;
    if portgroup.node_uuid != after.node_uuid {
        return Err(Error::invalid(format!(
            "Port {} can't be in portgroup {}, which belongs to another node.",
            after.uuid, portgroup.uuid
        )));
    }
    let joins = before.is_none_or(|before| before.portgroup_uuid != after.portgroup_uuid);
    let moves = before.is_some_and(|before| before.physical_network != after.physical_network);
    // What a client says of a new port is judged where it is said; it may also have said nothing.
    let boots = before.is_some_and(|before| joins || before.pxe_enabled != after.pxe_enabled);
    let stands_alone = (boots && after.pxe_enabled) || (joins && has_vif(after));
    if stands_alone && !portgroup.standalone_ports_supported && is_switched(node) {
        return Err(Error::conflict(format!(
            "Port {} can't be in portgroup {} with pxe_enabled or a VIF: the portgroup doesn't support standalone ports.",
            after.uuid, portgroup.uuid
        )));
    }
    if !joins && !moves {
        return Ok(());
    }
    let other = group.ports.iter().find(|port| port.uuid != after.uuid);
    let network = match other {
        Some(port) => &port.physical_network,
        None => &portgroup.physical_network,
    };
    if *network == after.physical_network || (other.is_none() && network.is_none()) {
        return Ok(());
    }
    let named = |network: &Option<String>| network.clone().unwrap_or_else(|| "none".to_owned());
    Err(Error::conflict(format!(
        "A port in physical network {} can't be in portgroup {}, which is in physical network {}.",
        named(&after.physical_network),
        portgroup.uuid,
        named(network)
    )))
}

/// The group in the physical network of the port that is the first to say which one that is; `None` if the group stays as it is.
pub(super) fn group_with_network(group: Group, port: &Port) -> Option<Portgroup> {
    let is_first = group.ports.iter().all(|other| other.uuid == port.uuid);
    (is_first && group.portgroup.physical_network.is_none() && port.physical_network.is_some())
        .then(|| Portgroup {
            physical_network: port.physical_network.clone(),
            ..group.portgroup
        })
}

/// The node's networks are switched for it, so that it matters which ports can be used one by one.
fn is_switched(node: &Node) -> bool {
    node.network_interface
        .as_deref()
        .is_some_and(|name| name != "noop")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_model::ErrorKind;

    use super::*;

    fn group(network: Option<&str>, ports: Vec<Port>) -> Group {
        Group {
            portgroup: Portgroup {
                uuid: "g".into(),
                physical_network: network.map(str::to_owned),
                ..Portgroup::default()
            },
            ports,
        }
    }

    fn port(uuid: &str, network: Option<&str>) -> Port {
        Port {
            uuid: uuid.into(),
            portgroup_uuid: Some("g".into()),
            physical_network: network.map(str::to_owned),
            ..Port::default()
        }
    }

    fn joins(group: &Group, port: &Port) -> std::result::Result<(), ErrorKind> {
        check_member(&Node::default(), group, None, port).map_err(|error| error.kind())
    }

    #[test]
    fn a_group_is_in_one_physical_network() {
        let conflict = Err(ErrorKind::Conflict);
        for (group, network, outcome) in [
            (group(None, vec![]), None, Ok(())),
            (group(None, vec![]), Some("a"), Ok(())),
            (group(Some("a"), vec![]), Some("a"), Ok(())),
            (group(Some("a"), vec![]), Some("b"), conflict),
            (group(Some("a"), vec![]), None, conflict),
            (group(None, vec![port("o", Some("a"))]), Some("a"), Ok(())),
            (group(None, vec![port("o", Some("a"))]), Some("b"), conflict),
            (group(None, vec![port("o", None)]), Some("b"), conflict),
            // The port itself is no measure.
            (group(None, vec![port("p", Some("a"))]), Some("b"), Ok(())),
        ] {
            assert_eq!(joins(&group, &port("p", network)), outcome, "{group:?}");
        }
    }

    #[test]
    fn in_a_group_a_port_changes_its_network_only_alone() {
        let before = port("p", Some("a"));
        let change = |group: &Group, after: &Port| {
            check_member(&Node::default(), group, Some(&before), after)
                .map_err(|error| error.kind())
        };
        let moved = port("p", Some("b"));
        let alone = group(None, vec![before.clone()]);
        assert_eq!(change(&alone, &moved), Ok(()));
        let with_another = group(None, vec![before.clone(), port("o", Some("a"))]);
        assert_eq!(change(&with_another, &before), Ok(()));
        assert_eq!(change(&with_another, &moved), Err(ErrorKind::Conflict));
        let group = group(Some("a"), vec![before.clone()]);
        assert_eq!(change(&group, &before), Ok(()));
        assert_eq!(change(&group, &moved), Err(ErrorKind::Conflict));
        let check = |after: &Port| check_member(&Node::default(), &group, Some(&before), after);
        let elsewhere = Port {
            node_uuid: "other".into(),
            ..before.clone()
        };
        assert!(check(&elsewhere).is_err());
    }

    #[test]
    fn where_networks_are_switched_standalone_ports_are_a_matter_of_the_group() {
        let switched = Node {
            network_interface: Some("flat".into()),
            ..Node::default()
        };
        let noop = Node {
            network_interface: Some("noop".into()),
            ..Node::default()
        };
        let whole = Group {
            portgroup: Portgroup {
                standalone_ports_supported: false,
                ..group(None, vec![]).portgroup
            },
            ports: vec![],
        };
        let boots = port("p", None);
        let silent = Port {
            pxe_enabled: false,
            ..boots.clone()
        };
        let kind = |node: &Node, before: Option<&Port>, after: &Port| {
            check_member(node, &whole, before, after)
                .err()
                .map(|error| error.kind())
        };
        let conflict = Some(ErrorKind::Conflict);
        let elsewhere = Port {
            portgroup_uuid: None,
            ..boots.clone()
        };
        assert_eq!(kind(&switched, Some(&elsewhere), &boots), conflict);
        // A new one may boot because nobody said otherwise.
        assert_eq!(kind(&switched, None, &boots), None);
        assert_eq!(kind(&switched, Some(&silent), &boots), conflict);
        assert_eq!(kind(&switched, None, &silent), None);
        // What is so already isn't told of every other change.
        assert_eq!(kind(&switched, Some(&boots), &boots), None);
        assert_eq!(kind(&noop, None, &boots), None);

        let attached = Port {
            internal_info: serde_json::Map::from_iter([(
                "tenant_vif_port_id".to_owned(),
                "v".into(),
            )]),
            ..silent.clone()
        };
        let alone = Port {
            portgroup_uuid: None,
            ..attached.clone()
        };
        assert_eq!(kind(&switched, Some(&alone), &attached), conflict);
        assert_eq!(kind(&switched, Some(&attached), &attached), None);
        assert_eq!(kind(&noop, Some(&alone), &attached), None);

        let full = group(None, vec![boots]);
        let change =
            |node: &Node, group: &Group| check_change(node, group, &whole.portgroup).is_ok();
        assert!(!change(&switched, &full));
        assert!(!change(&switched, &group(None, vec![attached])));
        assert!(change(&noop, &full));
        assert!(change(&switched, &group(None, vec![silent])));
    }

    #[test]
    fn a_group_stays_with_its_node_and_goes_only_empty() {
        let full = group(None, vec![port("p", None)]);
        let moved = Portgroup {
            node_uuid: "other".into(),
            ..full.portgroup.clone()
        };
        assert!(check_change(&Node::default(), &full, &moved).is_err());
        let error = check_delete(&full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameter);
        assert!(check_delete(&group(None, vec![])).is_ok());
    }
}
