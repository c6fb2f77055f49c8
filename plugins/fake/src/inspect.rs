//! Inspection that finds what the node doesn't say of itself yet.

use ironbark_driver::{Findings, Inspect, Inspection, Result, call};
use serde_json::{Value, json};

pub(crate) struct FakeInspect;

impl Inspect for FakeInspect {
    fn inspect_hardware(&self, _cursor: Option<&str>) -> Result<Inspection> {
        found(None)
    }

    fn abort(&self) -> Result<()> {
        Ok(())
    }

    fn continue_inspection(&self, inventory: &str, _plugin_data: &str) -> Result<Inspection> {
        found(Some(inventory.to_owned()))
    }
}

fn found(inventory: Option<String>) -> Result<Inspection> {
    let node = call::node()?;
    Ok(Inspection::Done(Findings {
        properties: missing(node.get("properties").unwrap_or(&Value::Null)).to_string(),
        ports: Vec::new(),
        inventory,
    }))
}

/// The essential properties that aren't there.
fn missing(known: &Value) -> Value {
    let mut essential = json!({"cpu_arch": "x86_64", "cpus": 1, "memory_mb": 1024, "local_gb": 10});
    if let Some(properties) = essential.as_object_mut() {
        properties.retain(|key, _| known.get(key).is_none());
    }
    essential
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_node_says_stays() {
        let known = json!({"cpus": 64, "memory_mb": 2048});
        assert_eq!(
            missing(&known),
            json!({"cpu_arch": "x86_64", "local_gb": 10})
        );
    }
}
