//! A deploy template: deploy steps that run for instances that ask for the trait of its name.

use serde::{Deserialize, Serialize};

use crate::{JsonObject, Timestamp};

/// Deploy steps under the name of a trait. Field names are the wire names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // As in `crate::Node`.
pub struct DeployTemplate {
    /// The database's own number: the default sort key, never shown.
    pub id: i64,
    pub uuid: String,
    /// A trait.
    pub name: String,
    /// Objects of `interface`, `step`, `args` and `priority`, as with the verb that deploys.
    pub steps: Vec<JsonObject>,
    pub extra: JsonObject,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}
