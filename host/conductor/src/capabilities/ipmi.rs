//! IPMI for one node's calls: its own BMC and no other, credentials from its real `driver_info`, and only while this conductor
//! may act.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::ipmi::{Client, Request, Target};
use ironbark_model::JsonObject;
use ironbark_sandbox::{DriverError, IpmiAccess, IpmiResponse};

use super::Unserved;
use super::bmc::{COMMAND_LIMIT, may_act, tell};
use crate::standing::Standing;

/// The way to one node's BMC.
pub(crate) struct BmcOverIpmi {
    client: Client,
    standing: Standing,
    target: Result<Target, TargetError>,
    unserved: Unserved,
}

impl BmcOverIpmi {
    /// The BMC that `driver_info` names. What is wrong with it is said when a driver uses it.
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
}

#[async_trait]
impl IpmiAccess for BmcOverIpmi {
    async fn request(
        &self,
        netfn: u8,
        lun: u8,
        command: u8,
        data: Vec<u8>,
        deadline: Duration,
    ) -> Result<IpmiResponse, DriverError> {
        let target = self.target.as_ref();
        let target = target.map_err(|error| tell(error, &self.unserved))?;
        may_act(&self.standing, &self.unserved)?;
        let request = Request {
            netfn,
            lun,
            command,
            data,
        };
        let response = self
            .client
            .request(target, &request, deadline.min(COMMAND_LIMIT))
            .await
            .map_err(|error| tell(&error, &self.unserved))?;
        Ok(IpmiResponse {
            completion_code: response.completion_code,
            data: response.data,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_bmc::ipmi::ClientConfig;
    use ironbark_model::ErrorKind;
    use serde_json::json;

    use super::*;

    fn access(driver_info: serde_json::Value, standing: Standing) -> BmcOverIpmi {
        let client = Client::new(ClientConfig::default());
        let info = driver_info.as_object().unwrap().clone();
        BmcOverIpmi::new(client, standing, &info, Unserved::default())
    }

    async fn ask(access: &BmcOverIpmi) -> DriverError {
        access
            .request(6, 0, 1, Vec::new(), Duration::from_secs(1))
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn a_node_without_an_address_says_what_is_missing() {
        let standing = Standing::new(Duration::from_secs(40));
        standing.renewed(tokio::time::Instant::now());
        let error = ask(&access(json!({}), standing)).await;
        assert!(
            matches!(error, DriverError::MissingParameter(text) if text.contains("ipmi_address"))
        );
    }

    #[tokio::test]
    async fn a_conductor_that_may_not_act_sends_nothing() {
        let standing = Standing::new(Duration::from_secs(40));
        let access = access(json!({"ipmi_address": "127.0.0.1"}), standing);
        let error = ask(&access).await;
        assert!(matches!(error, DriverError::Failed(text) if text.contains("registration")));
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }

    #[tokio::test]
    async fn a_client_that_shuts_down_is_our_doing() {
        let standing = Standing::new(Duration::from_secs(40));
        standing.renewed(tokio::time::Instant::now());
        let access = access(json!({"ipmi_address": "127.0.0.1"}), standing);
        access.client.shutdown(Duration::from_secs(1)).await;
        ask(&access).await;
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }
}
