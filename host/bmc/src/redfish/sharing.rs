//! Whether a chassis or a manager of a node's is other nodes' as well: an enclosure of blades, a BMC of several systems.
//!
//! Looked at only when somebody is about to change it. What its links say counts; where they don't say, whether the service has other
//! systems. In doubt it is shared.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    RedfishError,
    command::Command,
    discovery::{is_whole, link},
};
use crate::sync::lock;

/// How long what was found is believed.
const BELIEVED: Duration = Duration::from_secs(300);
/// Resources remembered for one service; when there are more, it starts over.
const REMEMBERED: usize = 1024;
/// What names the systems of a chassis, and those of a manager (DSP0268, Chassis and Manager).
const NAMES_SYSTEMS: [&str; 2] = ["ComputerSystems", "ManagerForServers"];

/// What was found on one service, by System and resource.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    found: Mutex<HashMap<(String, String), (Instant, bool)>>,
}

impl Sharing {
    fn find(&self, key: &(String, String)) -> Option<bool> {
        let found = lock(&self.found);
        let (found_at, shared) = found.get(key)?;
        (found_at.elapsed() < BELIEVED).then_some(*shared)
    }

    fn remember(&self, key: (String, String), shared: bool) {
        let mut found = lock(&self.found);
        if found.len() >= REMEMBERED {
            found.clear();
        }
        found.insert(key, (Instant::now(), shared));
    }
}

/// What a resource's links say of whose it is.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    /// The one System's.
    ItsAlone,
    /// Another's.
    Anothers,
    Nothing,
}

impl Command<'_> {
    /// Whether a chassis or a manager of the System with this path (or of the only one) serves other systems as well.
    pub(super) async fn is_shared(
        &self,
        named: &Option<String>,
        resource: &str,
    ) -> Result<bool, RedfishError> {
        let own = self.find(named).await?;
        let key = (own.system, resource.to_owned());
        let sharing = &self.peer.sharing;
        if let Some(known) = sharing.find(&key) {
            return Ok(known);
        }
        let found = self.read(resource).await?;
        let shared = match found.map_or(Says::Nothing, |found| says(&found, &key.0)) {
            Says::ItsAlone => false,
            Says::Anothers => true,
            Says::Nothing => self.has_other_systems(&own.root, &key.0).await?,
        };
        sharing.remember(key, shared);
        Ok(shared)
    }

    async fn has_other_systems(&self, root: &str, system: &str) -> Result<bool, RedfishError> {
        let root = self.read(&format!("{root}/")).await?;
        let Some(collection) = root.and_then(|root| link(&root, "/Systems/@odata.id")) else {
            return Ok(true);
        };
        let systems = self.read(&collection).await?;
        Ok(systems.is_none_or(|systems| !holds_only(&systems, system)))
    }
}

fn says(resource: &Value, system: &str) -> Says {
    let links = resource.get("Links");
    let list = |name: &str| links?.get(name)?.as_array().filter(|list| !list.is_empty());
    let named: Vec<&Value> = NAMES_SYSTEMS
        .iter()
        .filter_map(|name| list(name))
        .flatten()
        .collect();
    let is_this = |entry: &&Value| link(entry, "/@odata.id").as_deref() == Some(system);
    if !named.iter().all(is_this) {
        return Says::Anothers;
    }
    // An enclosure may name what is directly in it, and not what is in its blades.
    let goes_on = |name: &str| {
        let counted = links.and_then(|links| links.get(format!("{name}@odata.count")));
        let paged =
            links.is_some_and(|links| links.get(format!("{name}@odata.nextLink")).is_some());
        paged
            || counted
                .and_then(Value::as_u64)
                .is_some_and(|count| count > 1)
    };
    if named.is_empty() || list("Contains").is_some() || NAMES_SYSTEMS.into_iter().any(goes_on) {
        return Says::Nothing;
    }
    Says::ItsAlone
}

/// Whether a collection has this member and no other.
fn holds_only(collection: &Value, system: &str) -> bool {
    let Some([only]) = collection
        .get("Members")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return false;
    };
    is_whole(collection, 1) && link(only, "/@odata.id").as_deref() == Some(system)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "/redfish/v1/Systems/1";

    fn linking(links: Value) -> Says {
        says(&json!({"Links": links}), OWN)
    }

    #[test]
    fn whose_a_resource_is_its_links_say() {
        let own = json!([{"@odata.id": "/redfish/v1/Systems/1/"}]);
        let both = json!([{"@odata.id": OWN}, {"@odata.id": "/redfish/v1/Systems/2"}]);
        for name in NAMES_SYSTEMS {
            assert_eq!(linking(json!({name: own})), Says::ItsAlone);
            assert_eq!(linking(json!({name: both})), Says::Anothers);
            assert_eq!(
                linking(json!({name: [{"@odata.id": "https://x"}]})),
                Says::Anothers
            );
            assert_eq!(linking(json!({name: []})), Says::Nothing);
            let paged = json!({name: own, format!("{name}@odata.count"): 8});
            assert_eq!(linking(paged), Says::Nothing);
        }
        assert_eq!(linking(json!({})), Says::Nothing);
        assert_eq!(says(&json!({}), OWN), Says::Nothing);
        let blade = json!([{"@odata.id": "/redfish/v1/Chassis/Blade1"}]);
        let enclosure = json!({"ComputerSystems": own, "Contains": blade});
        assert_eq!(linking(enclosure), Says::Nothing);
    }

    #[test]
    fn only_a_whole_list_of_one_is_one() {
        let one = json!({"@odata.id": OWN});
        assert!(holds_only(&json!({"Members": [one]}), OWN));
        for other in [
            json!({"Members": [one, {"@odata.id": "/redfish/v1/Systems/2"}]}),
            json!({"Members": [one, {}]}),
            json!({"Members": [one], "Members@odata.count": 2}),
            json!({"Members": [{"@odata.id": "/redfish/v1/Systems/2"}]}),
            json!({"Members": []}),
            json!({}),
        ] {
            assert!(!holds_only(&other, OWN), "{other}");
        }
    }
}
