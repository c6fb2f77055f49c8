//! `GET /v1/drivers/{driver}/properties`.

use ironbark_rpc::Request;

use crate::context::Context;
use crate::error::ApiResult;
use crate::{nodes, reply};

/// What the driver reads from `driver_info`: descriptions by property.
pub(crate) async fn show(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let driver = context.param("driver").to_owned();
    let host = context.state.routing().any_of_driver(&driver).await?;
    let answer = context
        .ask_host(&host, Request::DriverProperties { driver })
        .await?;
    reply::ok(&nodes::json_reply(answer)?)
}
