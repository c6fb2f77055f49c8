//! The VIFs that `ironbark-recorder` writes down: which port stands for which. Pure, but for [`detach_all`].
//!
//! A VIF is in the `internal_info` of the port that stands for it, under the key that Ironic has for it.

use ironbark_model::{Error, InterfaceKind, JsonObject, Port, Result};
use serde_json::Value;

use crate::operations::{Run, Trouble};

/// Key of a port's `internal_info`.
const KEY: &str = "tenant_vif_port_id";

/// The VIFs of these ports.
pub(crate) fn attached(ports: &[Port]) -> Vec<String> {
    ports.iter().filter_map(vif_of).map(str::to_owned).collect()
}

/// The port that a VIF goes to, with the VIF: the one that is asked for, or the first free one, of those that boot from the network
/// if there are any.
///
/// # Errors
/// `Conflict` if the VIF is attached already, `InvalidParameter` if no port is free.
pub(crate) fn attach(node: &str, ports: &[Port], vif: &JsonObject) -> Result<Port> {
    let id = id_of(vif)?;
    if let Some(port) = ports.iter().find(|port| vif_of(port) == Some(id)) {
        return Err(already_attached(id, &port.uuid));
    }
    let wanted = |key: &str| vif.get(key).and_then(Value::as_str);
    let mut free: Vec<&Port> = ports
        .iter()
        .filter(|port| vif_of(port).is_none())
        .filter(|port| wanted("port_uuid").is_none_or(|uuid| uuid == port.uuid))
        .filter(|port| {
            wanted("portgroup_uuid").is_none_or(|uuid| port.portgroup_uuid.as_deref() == Some(uuid))
        })
        .collect();
    // Stable: within each kind the order in which the ports were made.
    free.sort_by_key(|port| !port.pxe_enabled);
    let chosen = free.first().ok_or_else(|| {
        Error::invalid(format!(
            "Cannot attach VIF {id} to node {node}: it has no free port for it. Add a port, or detach another VIF."
        ))
    })?;
    let mut chosen = (*chosen).clone();
    chosen.internal_info.insert(KEY.to_owned(), id.into());
    Ok(chosen)
}

/// The port that stood for a VIF, without it.
///
/// # Errors
/// `InvalidParameter` if the VIF isn't attached.
pub(crate) fn detach(node: &str, ports: &[Port], vif: &str) -> Result<Port> {
    let mut port = ports
        .iter()
        .find(|port| vif_of(port) == Some(vif))
        .cloned()
        .ok_or_else(|| not_attached(node, vif))?;
    port.internal_info.remove(KEY);
    Ok(port)
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

/// Takes all VIFs from a node whose instance goes away. Safe to run again.
pub(crate) async fn detach_all(run: &mut Run) -> Result<(), Trouble> {
    if run.node.interface(InterfaceKind::Network).is_none() {
        return Ok(());
    }
    if run.call().records_vifs()? {
        let ports = run.ctx().db.ports_of_node(&run.node.uuid).await?;
        let mut tx = run.held.begin().await?;
        for vif in attached(&ports) {
            tx.port_update(&detach(&run.node.uuid, &ports, &vif)?)
                .await?;
        }
        tx.commit().await?;
        return Ok(());
    }
    let listed = run.call().vif_list().await?;
    for vif in run.keep(listed) {
        let detached = run.call().vif_detach(&vif).await?;
        run.settle(detached).await?;
    }
    Ok(())
}

fn vif_of(port: &Port) -> Option<&str> {
    port.internal_info.get(KEY).and_then(Value::as_str)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ironbark_model::ErrorKind;
    use serde_json::json;

    use super::*;

    fn port(uuid: &str, pxe_enabled: bool) -> Port {
        Port {
            uuid: uuid.into(),
            pxe_enabled,
            ..Port::default()
        }
    }

    fn vif(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_vif_goes_to_a_free_port_that_boots_from_the_network_first() {
        let mut ports = vec![port("a", false), port("b", true), port("c", true)];
        for (id, expected) in [("1", "b"), ("2", "c"), ("3", "a")] {
            let taken = attach("n", &ports, &vif(json!({"id": id}))).unwrap();
            assert_eq!(taken.uuid, expected);
            *ports.iter_mut().find(|port| port.uuid == expected).unwrap() = taken;
        }
        let full = attach("n", &ports, &vif(json!({"id": "4"}))).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::InvalidParameter);
        let again = attach("n", &ports, &vif(json!({"id": "2"}))).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
        assert_eq!(attached(&ports), ["3", "1", "2"]);
        assert_eq!(detach("n", &ports, "2").unwrap().uuid, "c");
        assert!(detach("n", &ports, "9").is_err());
    }

    #[test]
    fn the_port_that_is_asked_for_must_be_free() {
        let mut ports = vec![port("a", true), port("b", true)];
        let ask = |ports: &[Port], id: &str, port: &str| {
            attach("n", ports, &vif(json!({"id": id, "port_uuid": port})))
        };
        ports[1] = ask(&ports, "1", "b").unwrap();
        assert_eq!(
            ask(&ports, "2", "b").unwrap_err().kind(),
            ErrorKind::InvalidParameter
        );
        assert!(ask(&ports, "2", "z").is_err());
        ports[0].portgroup_uuid = Some("g".into());
        let group = vif(json!({"id": "2", "portgroup_uuid": "g"}));
        assert_eq!(attach("n", &ports, &group).unwrap().uuid, "a");
    }
}
