//! Which nodes an allocation can have, and when it can be given up. Pure.

use ironbark_db::NodeFilter;
use ironbark_model::{Allocation, Error, Node, ProvisionState, Result};
use serde_json::Value;

/// What the database can say about nodes that fit; [`fits`] says the rest. A child node is only taken if it is asked for.
pub(super) fn filter(allocation: &Allocation) -> NodeFilter {
    let candidates = &allocation.candidate_nodes;
    NodeFilter {
        uuids: (!candidates.is_empty()).then(|| candidates.clone()),
        include_children: !candidates.is_empty(),
        resource_class: allocation.resource_class.clone(),
        provision_state: Some(ProvisionState::Available),
        associated: Some(false),
        maintenance: Some(false),
        project: allocation.owner.clone(),
        ..NodeFilter::default()
    }
}

/// Whether the node, as it is now, can be given to the allocation.
pub(super) fn fits(node: &Node, allocation: &Allocation) -> bool {
    let candidates = &allocation.candidate_nodes;
    node.provision_state == ProvisionState::Available
        && !node.maintenance
        && node.instance_uuid.is_none()
        && node.allocation_uuid.is_none()
        && node.power_state.is_some()
        && node.resource_class == allocation.resource_class
        && (candidates.is_empty() || candidates.contains(&node.uuid))
        && belongs_to(node, allocation.owner.as_deref())
        && missing_trait(node, allocation).is_none()
}

/// Whether a node that is in use can be given to an allocation that says so afterwards.
///
/// # Errors
/// `Conflict`, with what is in the way.
pub(crate) fn check_backfill(node: &Node, allocation: &Allocation) -> Result<()> {
    let refuse = |why: String| Err(Error::conflict(format!("Node {} {why}.", node.uuid)));
    if let Some(other) = &node.allocation_uuid {
        return refuse(format!("has the allocation {other} already"));
    }
    if node.provision_state != ProvisionState::Active {
        return refuse(format!(
            "is in provision state \"{}\": an allocation for a certain node needs an active one",
            node.provision_state
        ));
    }
    if let Some(instance) = &node.instance_uuid
        && *instance != allocation.uuid
    {
        return refuse(format!(
            "is associated with instance {instance}: leave out the allocation's UUID, or give that one"
        ));
    }
    if node.resource_class != allocation.resource_class {
        return refuse(format!(
            "is of the resource class {} and not of {}",
            node.resource_class.as_deref().unwrap_or("none"),
            allocation.resource_class.as_deref().unwrap_or("none")
        ));
    }
    if !belongs_to(node, allocation.owner.as_deref()) {
        return refuse("is neither owned by nor leased to the allocation's owner".to_owned());
    }
    match missing_trait(node, allocation) {
        Some(name) => refuse(format!("doesn't have the trait {name}")),
        None => Ok(()),
    }
}

/// Whether the allocation that has this node can be deleted.
///
/// # Errors
/// `Conflict`, with what is to be done first.
pub(crate) fn check_release(node: &Node) -> Result<()> {
    let state = node.provision_state;
    if node.maintenance {
        return Ok(());
    }
    if node.target_provision_state.is_some() && !state.allows_update_in_transition() {
        return Err(Error::conflict(format!(
            "The allocation of node {} can't be deleted while the node is on its way to a new provision state \
             (\"{state}\").",
            node.uuid
        )));
    }
    if state == ProvisionState::Active {
        return Err(Error::conflict(format!(
            "The allocation of node {} can't be deleted while the node is active: tear it down, or set maintenance first.",
            node.uuid
        )));
    }
    Ok(())
}

/// What becomes of a node that is given to an allocation.
pub(crate) fn give(node: &mut Node, allocation: &Allocation) {
    node.instance_uuid = Some(allocation.uuid.clone());
    node.allocation_uuid = Some(allocation.uuid.clone());
    let traits = allocation.traits.iter().cloned().map(Value::from).collect();
    node.instance_info
        .insert("traits".to_owned(), Value::Array(traits));
}

fn belongs_to(node: &Node, owner: Option<&str>) -> bool {
    owner.is_none_or(|owner| {
        node.owner.as_deref() == Some(owner) || node.lessee.as_deref() == Some(owner)
    })
}

fn missing_trait<'a>(node: &Node, allocation: &'a Allocation) -> Option<&'a String> {
    allocation
        .traits
        .iter()
        .find(|name| !node.traits.contains(name))
}

#[cfg(test)]
mod tests {
    use ironbark_model::{ErrorKind, PowerState};

    use super::*;

    fn node() -> Node {
        Node {
            uuid: "n".to_owned(),
            provision_state: ProvisionState::Available,
            power_state: Some(PowerState::Off),
            resource_class: Some("gold".to_owned()),
            traits: vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()],
            ..Node::default()
        }
    }

    fn allocation() -> Allocation {
        Allocation {
            uuid: "a".to_owned(),
            resource_class: Some("gold".to_owned()),
            ..Allocation::default()
        }
    }

    #[test]
    fn a_node_fits_only_if_everything_is_right() {
        let wanted = allocation();
        assert!(fits(&node(), &wanted));
        let spoil: [fn(&mut Node); 7] = [
            |node| node.provision_state = ProvisionState::Active,
            |node| node.maintenance = true,
            |node| node.instance_uuid = Some("i".to_owned()),
            |node| node.allocation_uuid = Some("b".to_owned()),
            |node| node.power_state = None,
            |node| node.resource_class = Some("tin".to_owned()),
            |node| node.resource_class = None,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut node = node();
            spoil(&mut node);
            assert!(!fits(&node, &wanted), "{number}");
        }
    }

    #[test]
    fn traits_candidates_and_owner_narrow_the_choice() {
        let mut wanted = allocation();
        wanted.traits = vec!["CUSTOM_B".to_owned()];
        assert!(fits(&node(), &wanted));
        wanted.traits.push("CUSTOM_C".to_owned());
        assert!(!fits(&node(), &wanted));

        let mut wanted = allocation();
        wanted.candidate_nodes = vec!["m".to_owned()];
        assert!(!fits(&node(), &wanted));
        wanted.candidate_nodes.push("n".to_owned());
        assert!(fits(&node(), &wanted));

        let mut wanted = allocation();
        wanted.owner = Some("p".to_owned());
        assert!(!fits(&node(), &wanted));
        let mut owned = node();
        owned.owner = Some("p".to_owned());
        let mut leased = node();
        leased.lessee = Some("p".to_owned());
        assert!(fits(&owned, &wanted) && fits(&leased, &wanted));
    }

    #[test]
    fn only_an_active_node_that_fits_is_backfilled() {
        let active = Node {
            provision_state: ProvisionState::Active,
            ..node()
        };
        assert!(check_backfill(&active, &allocation()).is_ok());
        let with_instance = |instance: &str| Node {
            instance_uuid: Some(instance.to_owned()),
            ..active.clone()
        };
        assert!(check_backfill(&with_instance("a"), &allocation()).is_ok());
        let mut picky = allocation();
        picky.traits = vec!["CUSTOM_C".to_owned()];
        let mut owned = allocation();
        owned.owner = Some("p".to_owned());
        let mut tin = allocation();
        tin.resource_class = Some("tin".to_owned());
        let allocated = Node {
            allocation_uuid: Some("b".to_owned()),
            ..active.clone()
        };
        for (node, allocation) in [
            (node(), allocation()),
            (with_instance("i"), allocation()),
            (allocated, allocation()),
            (active.clone(), picky),
            (active.clone(), owned),
            (active, tin),
        ] {
            let refused = check_backfill(&node, &allocation).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::Conflict), "{allocation:?}");
        }
    }

    #[test]
    fn an_allocation_stays_while_its_node_is_in_use_or_in_motion() {
        let kind = |node: &Node| check_release(node).map_err(|error| error.kind());
        let mut node = node();
        assert_eq!(kind(&node), Ok(()));
        node.provision_state = ProvisionState::Active;
        assert_eq!(kind(&node), Err(ErrorKind::Conflict));
        node.maintenance = true;
        assert_eq!(kind(&node), Ok(()));
        node.provision_state = ProvisionState::Deploying;
        node.target_provision_state = Some(ProvisionState::Active);
        assert_eq!(kind(&node), Ok(()));
        node.maintenance = false;
        assert_eq!(kind(&node), Err(ErrorKind::Conflict));
        node.provision_state = ProvisionState::DeployFailed;
        assert_eq!(kind(&node), Ok(()));
    }
}
