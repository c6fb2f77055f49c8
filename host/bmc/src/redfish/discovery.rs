//! Which resources of a service are a node's: its System, and what the System's links say that it is in.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{RedfishError, command::Command, path};
use crate::{TargetError, sync::lock};

/// How long what was found is believed.
const BELIEVED: Duration = Duration::from_secs(300);
/// Systems remembered for one service; when there are more, it starts over.
const REMEMBERED: usize = 1024;
/// Chassis, or managers, of one System that count.
const LINKS: usize = 16;

const WHICH_SYSTEM: &str = "the service has several systems: the path of the node's is expected, such as /redfish/v1/Systems/1";
const NO_SUCH_SYSTEM: &str = "the service has no such system";
const NO_SYSTEMS: RedfishError = RedfishError::Protocol {
    reason: "it has no systems",
};

/// The paths of a node's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// The service root, without a slash at its end.
    pub root: String,
    /// The System that the node is.
    pub system: String,
    /// The chassis that it is in; the only one of the service if the System doesn't say.
    pub chassis: Vec<String>,
    /// The managers that manage it; the only one of the service if the System doesn't say.
    pub managers: Vec<String>,
}

/// What was found on one service.
#[derive(Debug, Default)]
pub(super) struct Discoveries {
    by_system: Mutex<HashMap<Option<String>, (Instant, Resources)>>,
}

impl Discoveries {
    fn find(&self, system: &Option<String>) -> Option<Resources> {
        let by_system = lock(&self.by_system);
        let (found_at, resources) = by_system.get(system)?;
        (found_at.elapsed() < BELIEVED).then(|| resources.clone())
    }

    fn remember(&self, system: &Option<String>, resources: &Resources) {
        let mut by_system = lock(&self.by_system);
        if by_system.len() >= REMEMBERED {
            by_system.clear();
        }
        by_system.insert(system.clone(), (Instant::now(), resources.clone()));
    }
}

impl Command<'_> {
    /// The resources of the System with this path, or of the only one that there is.
    pub(super) async fn find(&self, named: &Option<String>) -> Result<Resources, RedfishError> {
        if let Some(known) = self.peer.discoveries.find(named) {
            return Ok(known);
        }
        let address = &self.peer.service.address;
        let root =
            self.read(&format!("{}/", address.root()))
                .await?
                .ok_or(RedfishError::Protocol {
                    reason: "there is no service root: check the path in redfish_address",
                })?;
        let path = match named {
            Some(path) => path.clone(),
            None => self.only_system(&root).await?,
        };
        let system = self.read(&path).await?.ok_or(match named {
            Some(_) => RedfishError::InvalidTarget(TargetError::Invalid {
                key: "redfish_system_id",
                expected: NO_SUCH_SYSTEM,
            }),
            None => NO_SYSTEMS,
        })?;
        let mut resources = Resources {
            root: address.root().to_owned(),
            chassis: links(&system, "/Links/Chassis"),
            managers: links(&system, "/Links/ManagedBy"),
            system: path,
        };
        if resources.chassis.is_empty() {
            resources.chassis = self.only_member(&root, "Chassis").await?;
        }
        if resources.managers.is_empty() {
            resources.managers = self.only_member(&root, "Managers").await?;
        }
        self.peer.discoveries.remember(named, &resources);
        Ok(resources)
    }

    async fn only_system(&self, root: &Value) -> Result<String, RedfishError> {
        let collection = link(root, "/Systems/@odata.id").ok_or(NO_SYSTEMS)?;
        let systems = self.read(&collection).await?.ok_or(NO_SYSTEMS)?;
        let members = members(&systems);
        match (members.as_slice(), is_whole(&systems, members.len())) {
            ([only], true) => Ok(only.clone()),
            ([], true) => Err(NO_SYSTEMS),
            _ => Err(RedfishError::InvalidTarget(TargetError::Missing {
                key: "redfish_system_id",
                expected: WHICH_SYSTEM,
            })),
        }
    }

    async fn only_member(&self, root: &Value, name: &str) -> Result<Vec<String>, RedfishError> {
        let Some(collection) = link(root, &format!("/{name}/@odata.id")) else {
            return Ok(Vec::new());
        };
        let Some(collection) = self.read(&collection).await? else {
            return Ok(Vec::new());
        };
        let members = members(&collection);
        let only = members.len() == 1 && is_whole(&collection, 1);
        Ok(if only { members } else { Vec::new() })
    }
}

/// All members that a collection shows.
fn members(collection: &Value) -> Vec<String> {
    links(collection, "/Members")
}

/// Whether a collection has no more members than it shows.
pub(super) fn is_whole(collection: &Value, shown: usize) -> bool {
    let count = collection
        .get("Members@odata.count")
        .and_then(Value::as_u64);
    let paged = collection.get("Members@odata.nextLink").is_some();
    !paged && count.is_none_or(|count| usize::try_from(count).is_ok_and(|count| count <= shown))
}

fn links(resource: &Value, pointer: &str) -> Vec<String> {
    let listed = resource.pointer(pointer).and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .filter_map(|entry| link(entry, "/@odata.id"))
        .take(LINKS)
        .collect()
}

/// A path that a resource names, if it is one: what a service says goes into grants.
pub(super) fn link(resource: &Value, pointer: &str) -> Option<String> {
    let named = resource.pointer(pointer)?.as_str()?;
    let named = named.trim_end_matches('/');
    (named.len() > 1 && path::check(named).is_ok()).then(|| named.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_paths_are_links() {
        let resource = json!({"Members": [
            {"@odata.id": "/redfish/v1/Systems/1/"}, {"@odata.id": "https://other/redfish/v1"},
            {"@odata.id": "/redfish/v1/../x"}, {"@odata.id": 7}, {}, "x", {"@odata.id": "/"},
        ]});
        assert_eq!(members(&resource), ["/redfish/v1/Systems/1"]);
    }

    #[test]
    fn a_collection_that_goes_on_is_not_whole() {
        assert!(is_whole(&json!({}), 1));
        assert!(is_whole(&json!({"Members@odata.count": 1}), 1));
        assert!(!is_whole(&json!({"Members@odata.count": 2}), 1));
        assert!(!is_whole(&json!({"Members@odata.nextLink": "/x"}), 1));
    }
}
