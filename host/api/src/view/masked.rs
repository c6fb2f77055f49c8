//! Objects with their secrets hidden, without a copy (facts §1.11; what counts as secret is said in the model).

use ironbark_model::mask::{self, MASK};
use ironbark_model::{JsonObject, Node};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use super::time::WrittenNaive;

/// Hides what looks secret, at any depth.
pub(crate) struct Masked<'a>(pub(crate) &'a JsonObject);

/// The same in each of several objects.
pub(crate) struct MaskedItems<'a>(pub(crate) &'a [JsonObject]);

/// Hides what else is secret in `instance_info`.
pub(crate) struct InstanceInfo<'a>(pub(crate) &'a JsonObject);

/// `driver_internal_info` of a node, with the time of its agent's last heartbeat.
pub(crate) struct InternalInfo<'a>(pub(crate) &'a Node);

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            entry(&mut map, key, value)?;
        }
        map.end()
    }
}

impl Serialize for MaskedItems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Masked))
    }
}

impl Serialize for InstanceInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return self.0.serialize(serializer);
        }
        mask::mask_instance_info(self.0).serialize(serializer)
    }
}

impl Serialize for InternalInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const HEARTBEAT: &str = "agent_last_heartbeat";
        let mut map = serializer.serialize_map(None)?;
        let heartbeat = self.0.agent_heartbeat_at;
        for (key, value) in &self.0.driver_internal_info {
            if heartbeat.is_none() || key != HEARTBEAT {
                entry(&mut map, key, value)?;
            }
        }
        if let Some(time) = heartbeat {
            map.serialize_entry(HEARTBEAT, &WrittenNaive(time))?;
        }
        map.end()
    }
}

struct Inside<'a>(&'a Value);

impl Serialize for Inside<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(object) => Masked(object).serialize(serializer),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Inside(item))?;
                }
                list.end()
            }
            Value::String(text) => serializer.serialize_str(&mask::mask_text(text)),
            other => other.serialize(serializer),
        }
    }
}

fn entry<M: SerializeMap>(map: &mut M, key: &str, value: &Value) -> Result<(), M::Error> {
    if !value.is_null() && mask::is_secret_key(key) {
        map.serialize_entry(key, MASK)
    } else {
        map.serialize_entry(key, &Inside(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        /// The model's own masking, which copies, is the witness.
        #[test]
        fn hides_what_the_model_hides(
            keys in prop::collection::vec("(ipmi_|redfish_)?(password|username|address|auth_token|x)", 0..5),
            deep in any::<bool>(),
        ) {
            let mut object = JsonObject::new();
            for key in keys {
                let value = if deep { json!({key.clone(): ["a token=1", {"secret": 1, "b": null}]}) } else { json!("v password: 1") };
                object.insert(key, value);
            }
            let shown = serde_json::to_value(Masked(&object)).unwrap();
            prop_assert_eq!(shown, Value::Object(mask::mask_object(&object)));
        }
    }
}
