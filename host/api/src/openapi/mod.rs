//! `GET /openapi.json`: the API as an OpenAPI 3.1 document, for the newest microversion.
//!
//! What is there comes from the tables of [`crate::gates`]: paths, fields, filters. This module adds what they don't say:
//! what an operation is called, the form of bodies that are no resource, and which status means success. A test sees to
//! it that every path has its operation and every operation its path.

mod errors;
mod hardware;
mod nodes;
mod operation;
mod others;
mod own;
mod own_shapes;
mod query;
mod ramdisk;
mod recipes;
mod schema;
mod shown;

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::error::ApiResult;
use crate::reply;
use crate::versions::{LEGACY_HEADER, MAX_MINOR, Version};
use axum::http::StatusCode;
pub(crate) use operation::Operation;

/// Where the document is.
pub(crate) const PATH: &str = "/openapi.json";

/// `GET /openapi.json`.
pub(crate) fn show() -> ApiResult {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| Bytes::from(document().to_string()));
    Ok(reply::raw_json(StatusCode::OK, text.clone()))
}

/// The document.
pub(crate) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let methods = paths.entry(operation.path()).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(operation.method.to_lowercase(), operation.to_value());
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ironbark",
            "summary": "Bare metal provisioning with the REST API of OpenStack Ironic.",
            "description": format!(
                "This document describes microversion {newest}: send the header {LEGACY_HEADER}: {newest}. \
                 Older versions have fewer paths and fields, and answer some requests differently. \
                 Paths under /ironbark/v1 are Ironbark's own and know no versions.",
                newest = Version::new(MAX_MINOR),
            ),
            "version": Version::new(MAX_MINOR).to_string(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": schema::components(),
            "responses": errors::error_responses(),
        },
    })
}

/// Everything that can be asked.
pub(crate) fn operations() -> Vec<Operation> {
    let mut all = nodes::operations();
    all.extend(hardware::operations());
    all.extend(others::operations());
    all.extend(recipes::operations());
    all.extend(ramdisk::operations());
    all.extend(own::operations().into_iter().map(Operation::own));
    all
}
