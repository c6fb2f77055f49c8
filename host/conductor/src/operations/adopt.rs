//! Adoption: a machine that already has its instance is taken in, without touching its power or what it boots.

use ironbark_model::json::{self, MAX_DEPTH};
use ironbark_model::{Event, InterfaceKind, Node};
use serde_json::Value;

use super::{Phase, Run};

/// The one phase of an adoption.
pub(super) async fn phase(run: &mut Run) -> Phase {
    if !boots_from_disk(&run.node) {
        run.call().validate(InterfaceKind::Boot).await?;
    }
    let called = run.call().deploy_take_over().await?;
    run.keep(called);
    run.node.conductor_affinity = Some(run.ctx().host().to_owned());
    run.raise(Event::Done)?;
    run.finish().await
}

/// Whether the instance boots from its own disk, as nearly all do: then the boot interface has no part in it.
fn boots_from_disk(node: &Node) -> bool {
    let option = match node.instance_info.get("capabilities") {
        Some(Value::Object(capabilities)) => capabilities
            .get("boot_option")
            .and_then(Value::as_str)
            .map(str::to_owned),
        // Clients also send it as JSON text.
        Some(Value::String(text)) => json::parse(text, MAX_DEPTH)
            .ok()
            .and_then(|value| value.get("boot_option")?.as_str().map(str::to_owned)),
        _ => None,
    };
    option.is_none_or(|option| option == "local")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn only_another_boot_option_than_local_needs_the_boot_interface() {
        for (info, local) in [
            (json!({}), true),
            (json!({"capabilities": {"boot_option": "local"}}), true),
            (json!({"capabilities": {"boot_option": "netboot"}}), false),
            (
                json!({"capabilities": "{\"boot_option\": \"ramdisk\"}"}),
                false,
            ),
            (json!({"capabilities": "nonsense"}), true),
        ] {
            let node = Node {
                instance_info: info.as_object().unwrap().clone(),
                ..Node::default()
            };
            assert_eq!(boots_from_disk(&node), local, "{info}");
        }
    }
}
