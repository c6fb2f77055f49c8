//! Requests about a hardware type, without a node.

use std::sync::Arc;

use ironbark_model::Result;
use ironbark_rpc::{Reply, VendorCall};

use super::Asked;
use super::vendor::check_http_method;
use crate::call;
use crate::context::Context;

/// `{property: description}` of a hardware type.
pub(super) fn properties(ctx: &Context, driver: &str) -> Result<Reply> {
    call::driver_properties(ctx, driver).map(Reply::Json)
}

/// Vendor methods of a hardware type that need no node, as the API shows them.
pub(super) fn vendor_methods(ctx: &Context, driver: &str) -> Result<Reply> {
    call::driver_vendor_methods(ctx, driver).map(Reply::Json)
}

/// Calls a vendor method of a hardware type. An asynchronous one goes on after the answer, and is relayed: how it ends is only
/// in the log.
pub(super) async fn vendor_call(
    ctx: &Arc<Context>,
    asked: &Asked,
    driver: &str,
    vendor: VendorCall,
) -> Result<Reply> {
    let method = call::driver_vendor_method(ctx, driver, &vendor.method)?;
    check_http_method(&method, &vendor)?;
    let (request_id, deadline) = (asked.request_id.as_str(), Some(asked.deadline));
    call::driver_vendor_validate(ctx, driver, request_id, deadline, &vendor).await?;
    if !method.is_async {
        let result = call::driver_vendor_call(ctx, driver, request_id, deadline, &vendor).await?;
        return Ok(Reply::Vendor {
            is_async: false,
            result,
            attach: method.attach,
        });
    }
    let permit = ctx.workers.permit()?;
    let shared = Arc::clone(ctx);
    let (driver, request_id) = (driver.to_owned(), request_id.to_owned());
    permit.spawn(async move {
        if let Err(error) =
            call::driver_vendor_call(&shared, &driver, &request_id, None, &vendor).await
        {
            tracing::warn!(
                request_id = %request_id,
                driver = %driver,
                method = %vendor.method,
                error = %error,
                "an asynchronous vendor call of a driver failed"
            );
        }
    });
    Ok(Reply::Vendor {
        is_async: true,
        result: "null".to_owned(),
        attach: method.attach,
    })
}
