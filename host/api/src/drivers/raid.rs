//! `GET /v1/drivers/{driver}/raid/logical_disk_properties`.

use ironbark_rpc::Request;

use crate::context::Context;
use crate::error::ApiResult;
use crate::{nodes, reply};

/// What may be said of a logical disk: descriptions by property.
pub(crate) async fn logical_disk_properties(context: Context) -> ApiResult {
    context.query.only(&[])?;
    let driver = context.param("driver").to_owned();
    let host = context.state.routing().any_of_driver(&driver).await?;
    let answer = context
        .ask_host(&host, Request::DriverRaidProperties { driver })
        .await?;
    reply::ok(&nodes::json_reply(answer)?)
}
