//! Inspection: the driver finds out what the machine has, and the node's properties and ports become that.

use ironbark_db::{Page, PortFilter};
use ironbark_model::hardware::Inventory;
use ironbark_model::inspection_rule::MAIN;
use ironbark_model::json::{self, MAX_LARGE_OBJECT_BYTES, MAX_OBJECT_BYTES};
use ironbark_model::{Error, Event, InterfaceKind, JsonObject, Node, Operation, Port, Result};
use ironbark_sandbox::{Findings, FoundPort, Inspection};
use serde_json::Value;

use super::step_run::{waiting, within_first_deadline};
use super::{Phase, Run, Trouble, drive, launch_failure, lost, phase, strand};
use crate::call::Ports;
use crate::inspection_rules::{self, Subject};
use crate::reserve::Held;
use crate::workers::Permit;

/// The phases of an inspection. After a wait the driver is called again: with its cursor, or with what a ramdisk posted.
pub(super) async fn phase(run: &mut Run) -> Phase {
    let posted = if run.op.phase == phase::CONTINUE {
        run.ctx().db.inventory(&run.node.uuid).await?
    } else {
        None
    };
    run.pin(InterfaceKind::Inspect).await?;
    let digest = run.op.package_digest.clone();
    let called = match &posted {
        Some(found) => {
            run.call()
                .continue_inspection(found.clone(), digest.as_deref())
                .await?
        }
        None => {
            let cursor = run.op.cursor.clone();
            run.call()
                .inspect_hardware(cursor, digest.as_deref())
                .await?
        }
    };
    match run.keep(called) {
        Inspection::Done(findings) => {
            take_in(run, findings, posted).await?;
            run.raise(Event::Done)?;
            run.finish().await
        }
        Inspection::Wait(wait) => {
            let (wait, cursor) = waiting(wait);
            let wait = within_first_deadline(run, wait)?;
            run.op.cursor = Some(cursor);
            run.enter(phase::INSPECT);
            run.raise(Event::Wait)?;
            run.part(wait).await
        }
    }
}

/// Stores what a ramdisk posted, and goes on with the inspection that waits for it in a worker. A ramdisk that says that it failed
/// makes the inspection fail.
pub(crate) async fn go_on(
    permit: Permit,
    held: Held,
    node: Node,
    mut operation: Operation,
    inventory: JsonObject,
    mut plugin_data: JsonObject,
) -> Result<()> {
    if let Some(reported) = failure_of(&plugin_data) {
        let reason = format!("The inspection ramdisk reported an error: {reported}");
        return launch_failure(permit, held, node, operation, &reason).await;
    }
    // They are for who looks at the machine now, and large.
    plugin_data.remove("logs");
    operation.wait = None;
    let mut run = Run::of(held, node, operation, Ports::default());
    run.enter(phase::CONTINUE);
    run.found(
        Vec::new(),
        Some(Inventory {
            inventory,
            plugin_data,
        }),
    );
    let stored = match run.raise(Event::Resume) {
        Ok(()) => run.commit().await,
        Err(trouble) => Err(trouble),
    };
    match stored {
        Ok(()) => {
            permit.spawn(drive(run));
            Ok(())
        }
        Err(Trouble::Lost) => Err(lost(&run)),
        Err(Trouble::Failed(error) | Trouble::Stranded(error)) => {
            strand(&run);
            Err(error)
        }
    }
}

/// What a ramdisk says that went wrong, on one line of bounded length.
fn failure_of(plugin_data: &JsonObject) -> Option<String> {
    let text = match plugin_data.get("error")? {
        Value::Null => return None,
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = text.chars().take(LONGEST_REPORT);
    Some(
        shown
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect(),
    )
}

/// Characters that are kept of what a ramdisk says.
const LONGEST_REPORT: usize = 1000;

/// What can be known to be missing before an inspection begins.
pub(crate) const NEEDED: &[InterfaceKind] = &[InterfaceKind::Power, InterfaceKind::Inspect];

async fn take_in(
    run: &mut Run,
    findings: Findings,
    posted: Option<Inventory>,
) -> Result<(), Trouble> {
    let unknown = unknown_ports(run, findings.ports).await?;
    let mut node = run.node.clone();
    node.properties.extend(findings.properties);
    let ports = unknown
        .into_iter()
        .map(|found| port(&node, found))
        .collect();
    let by_ramdisk = posted.is_some();
    let inventory = match (findings.inventory, posted) {
        (None, posted) => posted,
        (Some(inventory), posted) => Some(Inventory {
            inventory,
            plugin_data: posted.unwrap_or_default().plugin_data,
        }),
    };
    check_sizes(&node, inventory.as_ref())?;
    match inventory {
        Some(inventory) if by_ramdisk => by_rules(run, node, ports, inventory).await,
        inventory => {
            run.node = node;
            run.found(ports, inventory);
            Ok(())
        }
    }
}

/// Runs the operator's rules over what a ramdisk posted, and keeps what they make of it.
async fn by_rules(
    run: &mut Run,
    node: Node,
    new_ports: Vec<Port>,
    found: Inventory,
) -> Result<(), Trouble> {
    let rules = run.ctx().db.inspection_rules_of(MAIN).await?;
    if rules.is_empty() {
        run.node = node;
        run.found(new_ports, Some(found));
        return Ok(());
    }
    let before = run.ctx().db.ports_of_node(&node.uuid).await?;
    let (known, traits) = (before.len(), node.traits.clone());
    let mut subject = Subject {
        node,
        ports: before.iter().cloned().chain(new_ports).collect(),
        inventory: found.inventory,
        plugin_data: found.plugin_data,
    };
    // Expressions over large inventories take time.
    let applied = tokio::task::spawn_blocking(move || {
        inspection_rules::apply(&rules, &mut subject).map(|()| subject)
    });
    let mut subject = applied.await.map_err(|error| {
        Trouble::Stranded(Error::internal("Inspection rules couldn't be run.").caused_by(error))
    })??;
    let found = Inventory {
        inventory: subject.inventory,
        plugin_data: subject.plugin_data,
    };
    check_sizes(&subject.node, Some(&found))?;
    let new_ports = subject.ports.split_off(known.min(subject.ports.len()));
    let changed = subject
        .ports
        .into_iter()
        .zip(&before)
        .filter(|(after, before)| after != *before)
        .map(|(after, _)| after)
        .collect();
    let traits = (subject.node.traits != traits).then(|| subject.node.traits.clone());
    run.node = subject.node;
    run.changed(changed, traits);
    run.found(new_ports, Some(found));
    Ok(())
}

/// Refuses what can't be stored, before the run's node has it: such a node could not be given back either.
fn check_sizes(node: &Node, found: Option<&Inventory>) -> Result<()> {
    for object in [
        &node.driver_info,
        &node.extra,
        &node.properties,
        &node.network_data,
    ] {
        json::stored_text(object, MAX_OBJECT_BYTES)?;
    }
    let found = found.into_iter();
    for object in found.flat_map(|found| [&found.inventory, &found.plugin_data]) {
        json::stored_text(object, MAX_LARGE_OBJECT_BYTES)?;
    }
    json::stored_text(&node.instance_info, MAX_LARGE_OBJECT_BYTES).map(drop)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_a_ramdisk_says_of_itself_fails_an_inspection() {
        let said = |error: Value| {
            let posted = json!({"error": error, "root_disk": {}});
            posted.as_object().and_then(failure_of)
        };
        assert_eq!(said(Value::Null), None);
        assert_eq!(said(json!(" ")), None);
        assert_eq!(said(json!("no\ndisk")), Some("no disk".to_owned()));
        assert_eq!(said(json!(["a"])), Some("[\"a\"]".to_owned()));
        assert_eq!(
            said(json!("x".repeat(5000))).map(|text| text.len()),
            Some(LONGEST_REPORT)
        );
        assert_eq!(failure_of(&JsonObject::new()), None);
    }
}
