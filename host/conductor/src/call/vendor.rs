//! Vendor methods of a node.

use std::collections::BTreeMap;

use ironbark_drivers::{VendorMethod, VendorScope};
use ironbark_model::{Error, InterfaceKind, JsonObject, Node, Result};
use ironbark_rpc::VendorCall;
use ironbark_sandbox::VendorRequest;
use serde_json::{Value, json};

use super::{Called, NodeCall, Ports};
use crate::context::Context;

/// What the host needs to know of a vendor method.
pub(crate) struct MethodInfo {
    pub(crate) http_methods: Vec<String>,
    pub(crate) is_async: bool,
    pub(crate) attach: bool,
    /// The node is held meanwhile.
    pub(crate) exclusive: bool,
}

impl NodeCall<'_> {
    /// The vendor method of this name.
    pub(crate) fn vendor_method(&self, name: &str) -> Result<MethodInfo> {
        let implementation = self.implementation(InterfaceKind::Vendor)?;
        find(&implementation.vendor_methods(VendorScope::Node), name)
    }

    /// Whether the message makes sense for this node.
    pub(crate) async fn vendor_validate(&self, call: &VendorCall) -> Result<()> {
        let implementation = self.implementation(InterfaceKind::Vendor)?;
        self.run(implementation, |implementation, context| {
            let request = request(call);
            async move { implementation.vendor_validate(context, request).await }
        })
        .await
        .map(drop)
    }

    /// Runs the method; the result is JSON text.
    pub(crate) async fn vendor_call(&self, call: &VendorCall) -> Result<Called<String>> {
        let implementation = self.implementation(InterfaceKind::Vendor)?;
        let called = self
            .run(implementation, |implementation, context| {
                let request = request(call);
                async move { implementation.vendor_call(context, request).await }
            })
            .await?;
        Ok(Called {
            value: called.value.to_string(),
            notes: called.notes,
        })
    }
}

/// The node's vendor methods, as the API shows them.
pub(crate) fn vendor_methods(ctx: &std::sync::Arc<Context>, node: &Node) -> Result<Value> {
    let call = NodeCall {
        ctx,
        node,
        ports: &Ports::default(),
        request_id: "",
        lock: ironbark_sandbox::Lock::Shared,
        reservation: None,
        pending: &[],
        seen: None,
        deadline: None,
        patience: super::Patience::Client,
    };
    let implementation = call.implementation(InterfaceKind::Vendor)?;
    let methods = implementation.vendor_methods(VendorScope::Node);
    Ok(shown(&methods, true))
}

pub(super) fn find(methods: &BTreeMap<String, VendorMethod>, name: &str) -> Result<MethodInfo> {
    let method = methods.get(name).ok_or_else(|| {
        let known: Vec<&str> = methods.keys().map(String::as_str).collect();
        Error::invalid(format!(
            "There is no vendor method {name}; there are: {}.",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ))
    })?;
    Ok(MethodInfo {
        http_methods: method.http_methods.clone(),
        is_async: method.is_async,
        attach: method.attach,
        exclusive: method.require_exclusive_lock,
    })
}

pub(super) fn shown(methods: &BTreeMap<String, VendorMethod>, of_node: bool) -> Value {
    let shown: JsonObject = methods
        .iter()
        .map(|(name, method)| {
            let mut info = json!({
                "http_methods": method.http_methods,
                "async": method.is_async,
                "description": method.description,
                "attach": method.attach,
            });
            if of_node && let Some(info) = info.as_object_mut() {
                info.insert(
                    "require_exclusive_lock".to_owned(),
                    Value::Bool(method.require_exclusive_lock),
                );
            }
            (name.clone(), info)
        })
        .collect();
    Value::Object(shown)
}

pub(super) fn request(call: &VendorCall) -> VendorRequest {
    VendorRequest {
        method: call.method.clone(),
        http_method: call.http_method.clone(),
        body: call.body.clone(),
    }
}
