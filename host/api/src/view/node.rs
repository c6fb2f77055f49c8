//! How a node looks (facts §2.1, §1.11).

use std::sync::Arc;

use ironbark_model::{Node, ProvisionState};

use super::links::Links;
use super::{ByVersion, Field, Selection, Shown};
use crate::error::ApiError;
use crate::gates::{self, node as gate};
use crate::routing::Snapshot;
use crate::versions::Version;

/// What a node's look depends on besides the node.
pub(crate) struct Scene {
    pub(crate) base: String,
    pub(crate) version: Version,
    pub(crate) routing: Arc<Snapshot>,
}

/// A node's fields in an answer.
pub(crate) type NodeSelection = Arc<Selection<Node, Scene>>;

static EVERYTHING: ByVersion<Node, Scene> =
    ByVersion::new(|version| Selection::new(FIELDS, gate::FIELDS, version, |_| true));

static SUMMARY: ByVersion<Node, Scene> = ByVersion::new(|version| {
    Selection::new(FIELDS, gate::FIELDS, version, |name| {
        name == "links" || gate::SUMMARY.contains(&name)
    })
});

static STATES: ByVersion<Node, Scene> =
    ByVersion::new(|version| Selection::new(FIELDS, gate::STATES, version, |_| true));

/// All fields that the version has.
pub(crate) fn everything(version: Version) -> NodeSelection {
    EVERYTHING.get(version)
}

/// What a list shows unless it is told otherwise.
pub(crate) fn summary(version: Version) -> NodeSelection {
    SUMMARY.get(version)
}

/// What `fields=` chose, and the links.
pub(crate) fn chosen(wanted: &[String], version: Version) -> Result<NodeSelection, ApiError> {
    let chosen = gates::chosen_fields(gate::FIELDS, wanted, version)?;
    let selection = Selection::new(FIELDS, gate::FIELDS, version, |name| {
        name == "links" || chosen.contains(&name)
    });
    Ok(Arc::new(selection))
}

/// What `GET …/states` shows.
pub(crate) fn states(version: Version) -> NodeSelection {
    STATES.get(version)
}

const FIELDS: &[Field<Node, Scene>] = &[
    ("uuid", |n, _| Shown::Text(&n.uuid)),
    ("name", |n, _| Shown::text(n.name.as_deref())),
    ("instance_uuid", |n, _| {
        Shown::text(n.instance_uuid.as_deref())
    }),
    ("power_state", |n, _| {
        Shown::text(n.power_state.map(|state| state.as_str()))
    }),
    ("provision_state", provision_state),
    ("maintenance", |n, _| Shown::Flag(n.maintenance)),
    ("created_at", |n, _| Shown::time(n.created_at)),
    ("updated_at", |n, _| Shown::time(n.updated_at)),
    ("allocation_uuid", |n, _| {
        Shown::text(n.allocation_uuid.as_deref())
    }),
    ("automated_clean", |n, _| Shown::flag(n.automated_clean)),
    ("bios_interface", |n, _| {
        Shown::text(n.bios_interface.as_deref())
    }),
    ("boot_interface", |n, _| {
        Shown::text(n.boot_interface.as_deref())
    }),
    ("boot_mode", |n, _| Shown::text(n.boot_mode.as_deref())),
    ("chassis_uuid", |n, _| {
        Shown::text(n.chassis_uuid.as_deref())
    }),
    ("clean_step", |n, _| Shown::Masked(&n.clean_step)),
    ("conductor", |n, s| Shown::text(s.routing.owner(n))),
    ("conductor_group", |n, _| Shown::Text(&n.conductor_group)),
    ("console_enabled", |n, _| Shown::Flag(n.console_enabled)),
    ("console_interface", |n, _| {
        Shown::text(n.console_interface.as_deref())
    }),
    ("deploy_interface", |n, _| {
        Shown::text(n.deploy_interface.as_deref())
    }),
    ("deploy_step", |n, _| Shown::Masked(&n.deploy_step)),
    ("description", |n, _| Shown::text(n.description.as_deref())),
    ("disable_power_off", |n, _| Shown::Flag(n.disable_power_off)),
    ("driver", |n, _| Shown::Text(&n.driver)),
    ("driver_info", |n, _| Shown::Masked(&n.driver_info)),
    ("driver_internal_info", |n, _| Shown::InternalInfo(n)),
    ("extra", |n, _| Shown::Object(&n.extra)),
    ("fault", |n, _| Shown::text(n.fault.as_deref())),
    ("firmware_interface", |n, _| {
        Shown::text(n.firmware_interface.as_deref())
    }),
    ("health", |n, _| Shown::text(n.health.as_deref())),
    ("inspect_interface", |n, _| {
        Shown::text(n.inspect_interface.as_deref())
    }),
    ("inspection_finished_at", |n, _| {
        Shown::time(n.inspection_finished_at)
    }),
    ("inspection_started_at", |n, _| {
        Shown::time(n.inspection_started_at)
    }),
    ("instance_info", |n, _| {
        Shown::InstanceInfo(&n.instance_info)
    }),
    ("instance_name", |n, _| {
        Shown::text(n.instance_name.as_deref())
    }),
    ("last_error", |n, _| Shown::text(n.last_error.as_deref())),
    ("lessee", |n, _| Shown::text(n.lessee.as_deref())),
    ("maintenance_reason", |n, _| {
        Shown::text(n.maintenance_reason.as_deref())
    }),
    ("management_interface", |n, _| {
        Shown::text(n.management_interface.as_deref())
    }),
    ("network_data", |n, _| Shown::Object(&n.network_data)),
    ("network_interface", |n, _| {
        Shown::text(n.network_interface.as_deref())
    }),
    ("owner", |n, _| Shown::text(n.owner.as_deref())),
    ("parent_node", |n, _| Shown::text(n.parent_node.as_deref())),
    ("power_interface", |n, _| {
        Shown::text(n.power_interface.as_deref())
    }),
    ("properties", |n, _| Shown::Object(&n.properties)),
    ("protected", |n, _| Shown::Flag(n.protected)),
    ("protected_reason", |n, _| {
        Shown::text(n.protected_reason.as_deref())
    }),
    ("provision_updated_at", |n, _| {
        Shown::time(n.provision_updated_at)
    }),
    ("raid_config", |n, _| Shown::Object(&n.raid_config)),
    ("raid_interface", |n, _| {
        Shown::text(n.raid_interface.as_deref())
    }),
    ("rescue_interface", |n, _| {
        Shown::text(n.rescue_interface.as_deref())
    }),
    ("reservation", |n, _| Shown::text(n.reservation.as_deref())),
    ("resource_class", |n, _| {
        Shown::text(n.resource_class.as_deref())
    }),
    ("retired", |n, _| Shown::Flag(n.retired)),
    ("retired_reason", |n, _| {
        Shown::text(n.retired_reason.as_deref())
    }),
    ("secure_boot", |n, _| Shown::flag(n.secure_boot)),
    ("service_step", |n, _| Shown::Masked(&n.service_step)),
    ("shard", |n, _| Shown::text(n.shard.as_deref())),
    ("storage_interface", |n, _| {
        Shown::text(n.storage_interface.as_deref())
    }),
    ("target_power_state", |n, _| {
        Shown::text(n.target_power_state.map(|state| state.as_str()))
    }),
    ("target_provision_state", |n, _| {
        Shown::text(n.target_provision_state.map(|state| state.as_str()))
    }),
    ("target_raid_config", |n, _| {
        Shown::Object(&n.target_raid_config)
    }),
    ("traits", |n, _| Shown::Texts(&n.traits)),
    ("vendor_interface", |n, _| {
        Shown::text(n.vendor_interface.as_deref())
    }),
    ("links", |n, s| Shown::Links(links(n, s))),
    ("ports", |n, s| Shown::Links(links(n, s).below("/ports"))),
    ("states", |n, s| Shown::Links(links(n, s).below("/states"))),
    ("portgroups", |n, s| {
        Shown::Links(links(n, s).below("/portgroups"))
    }),
    ("volume", |n, s| Shown::Links(links(n, s).below("/volume"))),
];

fn links<'a>(node: &'a Node, scene: &'a Scene) -> Links<'a> {
    Links::new(&scene.base, "nodes", &node.uuid)
}

/// Old versions don't know all states.
fn provision_state<'a>(node: &'a Node, scene: &'a Scene) -> Shown<'a> {
    match node.provision_state {
        ProvisionState::Available if !scene.version.has(gate::AVAILABLE_SINCE) => Shown::Null,
        ProvisionState::InspectWait if !scene.version.has(gate::INSPECT_WAIT_SINCE) => {
            Shown::Text(ProvisionState::Inspecting.as_str())
        }
        state => Shown::Text(state.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_has_a_field_and_every_field_a_gate() {
        let mut shown: Vec<_> = FIELDS.iter().map(|(name, _)| *name).collect();
        let mut gated: Vec<_> = gate::FIELDS
            .iter()
            .map(|attribute| attribute.name)
            .collect();
        shown.sort_unstable();
        gated.sort_unstable();
        assert_eq!(shown, gated);
        for state in gate::STATES {
            assert!(shown.contains(&state.name), "{}", state.name);
        }
    }
}
