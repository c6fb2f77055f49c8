//! Redfish for one node's calls: the service that its real `driver_info` names and no other, and only while this conductor may act.
//!
//! Which requests a driver may make is the sandbox's to judge, by what [`resources`](RedfishAccess::resources) says.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::redfish::{Client, Method, RedfishError, Request, Target};
use ironbark_model::JsonObject;
use ironbark_sandbox::{
    DriverError, RedfishAccess, RedfishMethod, RedfishRequest, RedfishResources, RedfishResponse,
};
use serde_json::Value;

use super::Unserved;
use super::bmc::{COMMAND_LIMIT, may_act, tell};
use crate::standing::Standing;

/// The way to the Redfish service of one node.
pub(crate) struct BmcOverRedfish {
    client: Client,
    standing: Standing,
    target: Result<Target, TargetError>,
    unserved: Unserved,
}

impl BmcOverRedfish {
    /// The service that `driver_info` names. What is wrong with it is said when a driver uses it.
    pub(crate) fn new(
        client: Client,
        standing: Standing,
        driver_info: &JsonObject,
        unserved: Unserved,
    ) -> Self {
        Self {
            client,
            standing,
            target: Target::from_driver_info(driver_info),
            unserved,
        }
    }

    /// The service, if something may be sent to it now.
    fn ready(&self) -> Result<&Target, DriverError> {
        let target = self.target.as_ref();
        let target = target.map_err(|error| tell(error, &self.unserved))?;
        may_act(&self.standing, &self.unserved)?;
        Ok(target)
    }

    fn told(&self, error: RedfishError) -> DriverError {
        tell(&error, &self.unserved)
    }
}

#[async_trait]
impl RedfishAccess for BmcOverRedfish {
    async fn resources(&self, deadline: Duration) -> Result<RedfishResources, DriverError> {
        let target = self.ready()?;
        let found = self
            .client
            .resources(target, deadline.min(COMMAND_LIMIT))
            .await
            .map_err(|error| self.told(error))?;
        Ok(RedfishResources {
            system: found.system,
            chassis: found.chassis,
            managers: found.managers,
        })
    }

    async fn is_shared(&self, resource: &str, deadline: Duration) -> Result<bool, DriverError> {
        let target = self.ready()?;
        self.client
            .is_shared(target, resource, deadline.min(COMMAND_LIMIT))
            .await
            .map_err(|error| self.told(error))
    }

    async fn request(
        &self,
        request: RedfishRequest,
        deadline: Duration,
    ) -> Result<RedfishResponse, DriverError> {
        let target = self.ready()?;
        let request = Request {
            method: method(request.method),
            path: request.path,
            body: request.body,
        };
        let answer = self
            .client
            .request(&target.service, &request, deadline.min(COMMAND_LIMIT))
            .await
            .map_err(|error| self.told(error))?;
        Ok(RedfishResponse {
            status: answer.status,
            headers: answer.headers,
            body: answer
                .body
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default(),
        })
    }
}

fn method(method: RedfishMethod) -> Method {
    match method {
        RedfishMethod::Get => Method::Get,
        RedfishMethod::Post => Method::Post,
        RedfishMethod::Patch => Method::Patch,
        RedfishMethod::Put => Method::Put,
        RedfishMethod::Delete => Method::Delete,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_bmc::redfish::ClientConfig;
    use ironbark_model::ErrorKind;
    use serde_json::json;

    use super::*;

    fn access(driver_info: serde_json::Value, standing: Standing) -> BmcOverRedfish {
        let client = Client::new(ClientConfig::default());
        let info = driver_info.as_object().unwrap().clone();
        BmcOverRedfish::new(client, standing, &info, Unserved::default())
    }

    fn standing() -> Standing {
        let standing = Standing::new(Duration::from_secs(40));
        standing.renewed(tokio::time::Instant::now());
        standing
    }

    async fn ask(access: &BmcOverRedfish) -> DriverError {
        let request = RedfishRequest {
            method: RedfishMethod::Get,
            path: "/redfish/v1".to_owned(),
            body: None,
        };
        let limit = Duration::from_secs(1);
        let error = access.request(request, limit).await.unwrap_err();
        // All ways in are guarded alike.
        assert_eq!(access.resources(limit).await.unwrap_err(), error);
        let resource = "/redfish/v1/Chassis/1";
        assert_eq!(access.is_shared(resource, limit).await.unwrap_err(), error);
        error
    }

    #[tokio::test]
    async fn a_node_without_an_address_says_what_is_missing() {
        let error = ask(&access(json!({}), standing())).await;
        assert!(
            matches!(error, DriverError::MissingParameter(text) if text.contains("redfish_address"))
        );
    }

    #[tokio::test]
    async fn a_conductor_that_may_not_act_sends_nothing() {
        let stale = Standing::new(Duration::from_secs(40));
        let access = access(json!({"redfish_address": "https://127.0.0.1"}), stale);
        let error = ask(&access).await;
        assert!(matches!(error, DriverError::Failed(text) if text.contains("registration")));
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }

    #[tokio::test]
    async fn a_client_that_shuts_down_is_our_doing() {
        let access = access(json!({"redfish_address": "https://127.0.0.1"}), standing());
        access.client.shutdown(Duration::from_secs(1)).await;
        assert!(matches!(ask(&access).await, DriverError::Failed(_)));
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }
}
