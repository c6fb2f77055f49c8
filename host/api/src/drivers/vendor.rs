//! `/v1/drivers/{driver}/vendor_passthru`: vendor methods that have no node.

use ironbark_rpc::{Request, VendorCall};

use crate::context::Context;
use crate::error::ApiResult;
use crate::{nodes, reply, vendor_call};

/// Any method on `…/vendor_passthru/{method}`.
pub(crate) async fn by_path(context: Context) -> ApiResult {
    let call = vendor_call::by_path(&context)?;
    pass(&context, call).await
}

/// Any method on `…/vendor_passthru?method=`.
pub(crate) async fn by_query(context: Context) -> ApiResult {
    let call = vendor_call::by_query(&context)?;
    pass(&context, call).await
}

/// `GET …/vendor_passthru/methods`.
pub(crate) async fn methods(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let driver = context.param("driver").to_owned();
    let host = context.state.routing().any_of_driver(&driver).await?;
    let answer = context
        .ask_host(&host, Request::DriverVendorMethods { driver })
        .await?;
    reply::ok(&nodes::json_reply(answer)?)
}

async fn pass(context: &Context, call: VendorCall) -> ApiResult {
    let driver = context.param("driver").to_owned();
    let host = context.state.routing().any_of_driver(&driver).await?;
    let answer = context
        .ask_host(&host, Request::DriverVendorPassthru { driver, call })
        .await?;
    vendor_call::answer(answer)
}
