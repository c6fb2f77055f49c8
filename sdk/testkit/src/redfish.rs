//! The way to a simulated Redfish service, by the client that conductors use. Its errors reach the driver as a conductor would tell them.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::redfish::{Client, ClientConfig, Method, Request, Target};
use ironbark_model::JsonObject;
use ironbark_sandbox::{
    DriverError, RedfishAccess, RedfishMethod, RedfishRequest, RedfishResources, RedfishResponse,
};
use serde_json::Value;

use crate::bmc::told;

/// How long the client waits for an answer. Simulated services are near, and silence is waited for often.
const SILENCE: Duration = Duration::from_millis(600);
const BACKOFF: Duration = Duration::from_millis(50);

pub(crate) struct BmcOverRedfish {
    client: Client,
    target: Result<Target, TargetError>,
}

impl BmcOverRedfish {
    pub(crate) fn new(client: Client, driver_info: &JsonObject) -> Self {
        Self {
            client,
            target: Target::from_driver_info(driver_info),
        }
    }

    fn target(&self) -> Result<&Target, DriverError> {
        self.target.as_ref().map_err(told)
    }
}

/// A client that gives up sooner than a conductor's.
pub(crate) fn client() -> Client {
    Client::new(ClientConfig {
        read_timeout: SILENCE,
        backoff: BACKOFF,
        ..ClientConfig::default()
    })
}

#[async_trait]
impl RedfishAccess for BmcOverRedfish {
    async fn resources(&self, deadline: Duration) -> Result<RedfishResources, DriverError> {
        let found = self.client.resources(self.target()?, deadline).await;
        let found = found.map_err(|error| told(&error))?;
        Ok(RedfishResources {
            system: found.system,
            chassis: found.chassis,
            managers: found.managers,
        })
    }

    async fn is_shared(&self, resource: &str, deadline: Duration) -> Result<bool, DriverError> {
        let target = self.target()?;
        let found = self.client.is_shared(target, resource, deadline).await;
        found.map_err(|error| told(&error))
    }

    async fn request(
        &self,
        request: RedfishRequest,
        deadline: Duration,
    ) -> Result<RedfishResponse, DriverError> {
        let request = Request {
            method: match request.method {
                RedfishMethod::Get => Method::Get,
                RedfishMethod::Post => Method::Post,
                RedfishMethod::Patch => Method::Patch,
                RedfishMethod::Put => Method::Put,
                RedfishMethod::Delete => Method::Delete,
            },
            path: request.path,
            body: request.body,
        };
        let service = &self.target()?.service;
        let answer = self.client.request(service, &request, deadline).await;
        let answer = answer.map_err(|error| told(&error))?;
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
