//! What differs between connectors and targets.

use ironbark_db::{Database, Page};
use ironbark_model::{Result, VolumeConnector, VolumeTarget};
use ironbark_rpc::{Belonging, Change, ChangeBelonging};
use serde::de::DeserializeOwned;

use crate::resource::Resource;
use crate::view::volume::{CONNECTORS, TARGETS};

/// A volume connector or target.
pub(crate) trait Volume: DeserializeOwned + Send + Sync + Sized + 'static {
    /// In messages.
    const WHAT: &'static str;
    /// The element of a path that names one.
    const PARAM: &'static str;

    fn resource() -> &'static Resource<Self>;

    fn node_uuid(&self) -> &str;

    fn get(db: &Database, uuid: &str) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// All, or those of one node.
    fn list(
        db: &Database,
        node_uuid: Option<&str>,
        page: &Page,
    ) -> impl Future<Output = Result<Vec<Self>>> + Send;

    fn change(change: Change<Self>) -> ChangeBelonging;

    /// What a conductor stored, if it is such a one.
    fn stored(belonging: Belonging) -> Option<Self>;
}

impl Volume for VolumeConnector {
    const WHAT: &'static str = "Volume connector";
    const PARAM: &'static str = "connector";

    fn resource() -> &'static Resource<Self> {
        CONNECTORS
    }

    fn node_uuid(&self) -> &str {
        &self.node_uuid
    }

    async fn get(db: &Database, uuid: &str) -> Result<Option<Self>> {
        db.volume_connector_get(uuid).await
    }

    async fn list(db: &Database, node_uuid: Option<&str>, page: &Page) -> Result<Vec<Self>> {
        db.volume_connector_list(node_uuid, page).await
    }

    fn change(change: Change<Self>) -> ChangeBelonging {
        ChangeBelonging::VolumeConnector(change)
    }

    fn stored(belonging: Belonging) -> Option<Self> {
        match belonging {
            Belonging::VolumeConnector(connector) => Some(*connector),
            _ => None,
        }
    }
}

impl Volume for VolumeTarget {
    const WHAT: &'static str = "Volume target";
    const PARAM: &'static str = "target";

    fn resource() -> &'static Resource<Self> {
        TARGETS
    }

    fn node_uuid(&self) -> &str {
        &self.node_uuid
    }

    async fn get(db: &Database, uuid: &str) -> Result<Option<Self>> {
        db.volume_target_get(uuid).await
    }

    async fn list(db: &Database, node_uuid: Option<&str>, page: &Page) -> Result<Vec<Self>> {
        db.volume_target_list(node_uuid, page).await
    }

    fn change(change: Change<Self>) -> ChangeBelonging {
        ChangeBelonging::VolumeTarget(change)
    }

    fn stored(belonging: Belonging) -> Option<Self> {
        match belonging {
            Belonging::VolumeTarget(target) => Some(*target),
            _ => None,
        }
    }
}
