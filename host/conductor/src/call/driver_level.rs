//! What a hardware type can do without a node.

use std::collections::BTreeMap;

use ironbark_drivers::{Implementation, VendorMethod, VendorScope};
use ironbark_model::{Error, InterfaceKind, Result, Timestamp};
use ironbark_rpc::VendorCall;
use ironbark_sandbox::CallContext;
use serde_json::{Value, json};

use super::vendor::{MethodInfo, find, request, shown};
use super::{Patience, audit, run_bounded, time_for};
use crate::audit::Purpose;
use crate::context::Context;

/// `{property: description}`.
pub(crate) fn driver_properties(ctx: &Context, driver: &str) -> Result<Value> {
    Ok(json!(ctx.drivers.properties(driver)?))
}

/// `{property: description}` of a logical disk, by the hardware type's default RAID implementation.
pub(crate) async fn driver_raid_properties(
    ctx: &Context,
    driver: &str,
    request_id: &str,
    deadline: Option<Timestamp>,
) -> Result<Value> {
    let name = ctx
        .drivers
        .default_implementation(driver, InterfaceKind::Raid)?;
    let implementation = ctx
        .drivers
        .implementation(driver, InterfaceKind::Raid, &name)?;
    let context = context(ctx, &implementation, request_id, deadline)?;
    let completed = run_bounded(ctx, Patience::Client, || {
        implementation.get_logical_disk_properties(context.clone())
    })
    .await?;
    Ok(Value::Object(completed.value))
}

/// The vendor methods that need no node, as the API shows them.
pub(crate) fn driver_vendor_methods(ctx: &Context, driver: &str) -> Result<Value> {
    let methods: BTreeMap<String, VendorMethod> = implementations(ctx, driver)?
        .iter()
        .flat_map(|implementation| implementation.vendor_methods(VendorScope::Driver))
        .collect();
    Ok(shown(&methods, false))
}

/// The vendor method of this name.
pub(crate) fn driver_vendor_method(ctx: &Context, driver: &str, name: &str) -> Result<MethodInfo> {
    let methods: BTreeMap<String, VendorMethod> = implementations(ctx, driver)?
        .iter()
        .flat_map(|implementation| implementation.vendor_methods(VendorScope::Driver))
        .collect();
    find(&methods, name)
}

/// Whether the message makes sense.
pub(crate) async fn driver_vendor_validate(
    ctx: &Context,
    driver: &str,
    request_id: &str,
    deadline: Option<Timestamp>,
    call: &VendorCall,
) -> Result<()> {
    let implementation = implementation_with(ctx, driver, &call.method)?;
    let context = context(ctx, &implementation, request_id, deadline)?;
    run_bounded(ctx, Patience::Client, || {
        implementation.driver_vendor_validate(context.clone(), request(call))
    })
    .await
    .map(drop)
}

/// Runs the method; the result is JSON text.
pub(crate) async fn driver_vendor_call(
    ctx: &Context,
    driver: &str,
    request_id: &str,
    deadline: Option<Timestamp>,
    call: &VendorCall,
) -> Result<String> {
    let implementation = implementation_with(ctx, driver, &call.method)?;
    let context = context(ctx, &implementation, request_id, deadline)?;
    let completed = run_bounded(ctx, Patience::Client, || {
        implementation.driver_vendor_call(context.clone(), request(call))
    })
    .await?;
    Ok(completed.value.to_string())
}

/// The vendor implementations of a hardware type, in its order of preference.
fn implementations(ctx: &Context, driver: &str) -> Result<Vec<Implementation>> {
    let hardware_type = ctx
        .drivers
        .hardware_types()
        .into_iter()
        .find(|candidate| candidate.name == driver)
        .ok_or_else(|| Error::not_found(format!("Driver {driver} could not be found.")))?;
    let names = hardware_type
        .interfaces
        .get(&InterfaceKind::Vendor)
        .cloned()
        .unwrap_or_default();
    Ok(names
        .iter()
        .filter_map(|name| {
            ctx.drivers
                .implementation(driver, InterfaceKind::Vendor, name)
                .ok()
        })
        .collect())
}

fn implementation_with(ctx: &Context, driver: &str, method: &str) -> Result<Implementation> {
    implementations(ctx, driver)?
        .into_iter()
        .find(|implementation| {
            implementation
                .vendor_methods(VendorScope::Driver)
                .contains_key(method)
        })
        .ok_or_else(|| Error::invalid(format!("Driver {driver} has no vendor method {method}.")))
}

fn context(
    ctx: &Context,
    implementation: &Implementation,
    request_id: &str,
    deadline: Option<Timestamp>,
) -> Result<CallContext> {
    let mut context = CallContext::without_node(request_id);
    if let Some(package) = implementation.package() {
        context.audit = audit(ctx, package, None, request_id, Purpose::Work);
    }
    context.deadline = time_for(ctx, implementation, deadline)?;
    Ok(context)
}
