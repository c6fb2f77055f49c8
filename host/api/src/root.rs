//! The documents that say what there is: `/` and `/v1` (facts §1.3).

use serde_json::{Value, json};

use crate::error::ApiResult;
use crate::gates::others::ROOT_LINKS;
use crate::reply;
use crate::versions::{MAX_MINOR, MIN_MINOR, Version};

/// Where the meaning of this API is written down.
const DOCUMENTATION: &str = "https://docs.openstack.org/ironic/latest/contributor/webapi.html";

/// `GET /`.
pub(crate) fn api(base: &str) -> ApiResult {
    reply::ok(&json!({
        "name": "OpenStack Ironic API",
        "description": "Ironbark: bare metal provisioning with the REST API of OpenStack Ironic, and sandboxed drivers.",
        "default_version": version(base),
        "versions": [version(base)],
    }))
}

/// `GET /v1`.
pub(crate) fn v1(base: &str, effective: Version) -> ApiResult {
    let mut document = json!({
        "id": "v1",
        "links": [
            {"href": format!("{base}/v1/"), "rel": "self"},
            {"href": DOCUMENTATION, "rel": "describedby", "type": "text/html"},
        ],
        "media_types": {
            "base": "application/json",
            "type": "application/vnd.openstack.ironic.v1+json",
        },
        "version": version(base),
    });
    if let Some(document) = document.as_object_mut() {
        for (resource, since) in ROOT_LINKS {
            if effective.has(*since) {
                let links = json!([
                    {"href": format!("{base}/v1/{resource}/"), "rel": "self"},
                    {"href": format!("{base}/{resource}/"), "rel": "bookmark"},
                ]);
                document.insert((*resource).to_owned(), links);
            }
        }
    }
    reply::ok(&document)
}

/// `version` is the newest one: clients negotiate by it.
fn version(base: &str) -> Value {
    json!({
        "id": "v1",
        "links": [{"href": format!("{base}/v1/"), "rel": "self"}],
        "status": "CURRENT",
        "min_version": Version::new(MIN_MINOR).to_string(),
        "version": Version::new(MAX_MINOR).to_string(),
    })
}
