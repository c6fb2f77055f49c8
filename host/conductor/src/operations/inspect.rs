//! Inspection: the driver finds out what the machine has, and the node's properties and ports become that.

use ironbark_db::{Page, PortFilter};
use ironbark_model::hardware::Inventory;
use ironbark_model::json::{self, MAX_OBJECT_BYTES};
use ironbark_model::{Event, InterfaceKind, JsonObject, Node, Port};
use ironbark_sandbox::{Findings, FoundPort, Inspection};

use super::step_run::{waiting, within_first_deadline};
use super::{Phase, Run, Trouble};

/// The one phase of an inspection. After a wait the driver is called again with its cursor.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let cursor = run.op.cursor.clone();
    run.pin(InterfaceKind::Inspect).await?;
    let digest = run.op.package_digest.clone();
    let called = run
        .call()
        .inspect_hardware(cursor, digest.as_deref())
        .await?;
    match run.keep(called) {
        Inspection::Done(findings) => {
            take_in(run, findings).await?;
            run.raise(Event::Done)?;
            run.finish().await
        }
        Inspection::Wait(wait) => {
            let (wait, cursor) = waiting(wait);
            let wait = within_first_deadline(run, wait)?;
            run.op.cursor = Some(cursor);
            run.raise(Event::Wait)?;
            run.part(wait).await
        }
    }
}

/// What can be known to be missing before an inspection begins.
pub(crate) const NEEDED: &[InterfaceKind] = &[InterfaceKind::Power, InterfaceKind::Inspect];

async fn take_in(run: &mut Run, findings: Findings) -> Result<(), Trouble> {
    let unknown = unknown_ports(run, findings.ports).await?;
    // Before the node has it: one that can't be stored could not be given back either.
    let mut properties = run.node.properties.clone();
    properties.extend(findings.properties);
    for object in [&properties].into_iter().chain(&findings.inventory) {
        json::stored_text(object, MAX_OBJECT_BYTES)?;
    }
    let node = &mut run.node;
    node.properties = properties;
    let ports = unknown.into_iter().map(|found| port(node, found)).collect();
    let inventory = findings.inventory.map(|inventory| Inventory {
        inventory,
        plugin_data: JsonObject::new(),
    });
    run.found(ports, inventory);
    Ok(())
}

/// The ports that no node has yet. One that another node has stays that node's: a MAC address is on one machine only.
async fn unknown_ports(run: &Run, found: Vec<FoundPort>) -> Result<Vec<FoundPort>, Trouble> {
    if found.is_empty() {
        return Ok(found);
    }
    let filter = PortFilter {
        addresses: Some(found.iter().map(|port| port.address.clone()).collect()),
        ..PortFilter::default()
    };
    let page = Page::first(u32::try_from(found.len()).unwrap_or(u32::MAX));
    let known = run.ctx().db.port_list(&filter, &page).await?;
    for port in &known {
        if port.node_uuid != run.node.uuid {
            tracing::warn!(
                address = %port.address,
                other = %port.node_uuid,
                "the inspection found a port that another node has"
            );
        }
    }
    let mut unknown: Vec<FoundPort> = Vec::with_capacity(found.len());
    for port in found {
        let is_known = known.iter().any(|known| known.address == port.address)
            || unknown.iter().any(|other| other.address == port.address);
        if !is_known {
            unknown.push(port);
        }
    }
    Ok(unknown)
}

fn port(node: &Node, found: FoundPort) -> Port {
    Port {
        uuid: ironbark_model::ident::new_uuid(),
        node_uuid: node.uuid.clone(),
        address: found.address,
        pxe_enabled: found.pxe_enabled.unwrap_or(true),
        description: found.name,
        ..Port::default()
    }
}
