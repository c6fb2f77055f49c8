//! Redfish for one node's calls: the service that its real `driver_info` names and no other, and only while this conductor may act.
//!
//! Which requests a driver may make is the sandbox's to judge, by what [`resources`](RedfishAccess::resources) says.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::redfish::{Client, Method, RedfishError, Request, Target};
use ironbark_model::{Error, ErrorKind, JsonObject};
use ironbark_sandbox::{
    DriverError, RedfishAccess, RedfishMethod, RedfishRequest, RedfishResources, RedfishResponse,
};
use serde_json::Value;

use super::Unserved;
use super::bmc::{COMMAND_LIMIT, may_act, wrong_target};
use crate::standing::Standing;

/// When to ask again if nobody said.
const ASK_AGAIN: Duration = Duration::from_secs(5);

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
        let target = self.target.as_ref().map_err(wrong_target)?;
        may_act(&self.standing, &self.unserved)?;
        Ok(target)
    }

    /// What a driver is told of an error; what is our doing is noted.
    fn tell(&self, error: &RedfishError) -> DriverError {
        if let Some(ours) = ours(error) {
            self.unserved.note(ours);
        }
        told(error)
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
            .map_err(|error| self.tell(&error))?;
        Ok(RedfishResources {
            system: found.system,
            chassis: found.chassis,
            managers: found.managers,
        })
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
            .map_err(|error| self.tell(&error))?;
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

/// What isn't the service's doing but ours.
fn ours(error: &RedfishError) -> Option<Error> {
    let kind = match error {
        RedfishError::Overloaded { .. } => ErrorKind::Overloaded,
        RedfishError::ShuttingDown => ErrorKind::NoConductor,
        _ => return None,
    };
    Some(Error::new(kind, error.to_string()))
}

fn told(error: &RedfishError) -> DriverError {
    let message = error.to_string();
    match error {
        RedfishError::InvalidTarget(target) => wrong_target(target),
        RedfishError::InvalidRequest { .. } => DriverError::InvalidParameter(message),
        RedfishError::AddressDenied { .. } | RedfishError::RedirectDenied => {
            DriverError::Denied(message)
        }
        // Nothing can be sent over a connection that can't be trusted: for whoever polls it is as if the BMC were away.
        RedfishError::Unreachable { .. }
        | RedfishError::Deadline { .. }
        | RedfishError::Untrusted { .. } => DriverError::Unreachable(message),
        RedfishError::AuthFailed { .. } => DriverError::AuthFailed(message),
        RedfishError::Busy { retry_after, .. } => DriverError::Busy {
            message,
            retry_after: Some(seconds(retry_after.unwrap_or(ASK_AGAIN))),
        },
        RedfishError::Overloaded { .. } => DriverError::Busy {
            message,
            retry_after: Some(seconds(ASK_AGAIN)),
        },
        RedfishError::Protocol { .. } => DriverError::Protocol(message),
        _ => DriverError::Failed(message),
    }
}

/// Whole seconds, rounded up: nobody comes again too early.
fn seconds(time: Duration) -> u32 {
    let whole = time
        .as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0));
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::{IpAddr, Ipv4Addr};

    use ironbark_bmc::redfish::ClientConfig;
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
        // Both ways in are guarded alike.
        assert_eq!(access.resources(limit).await.unwrap_err(), error);
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

    #[test]
    fn our_own_bounds_are_no_busy_bmc() {
        let full = RedfishError::Overloaded { what: "requests" };
        assert_eq!(
            ours(&full).map(|error| error.kind()),
            Some(ErrorKind::Overloaded)
        );
        assert!(matches!(told(&full), DriverError::Busy { .. }));
        let busy = RedfishError::Busy {
            reason: "sessions",
            retry_after: None,
        };
        assert!(ours(&busy).is_none());
    }

    #[test]
    fn a_busy_service_says_when_to_come_again() {
        for (asked, expected) in [
            (None, 5),
            (Some(Duration::from_millis(30_500)), 31),
            (Some(Duration::MAX), u32::MAX),
        ] {
            let busy = RedfishError::Busy {
                reason: "it says so",
                retry_after: asked,
            };
            assert!(
                matches!(told(&busy), DriverError::Busy { retry_after, .. } if retry_after == Some(expected))
            );
        }
    }

    #[test]
    fn errors_keep_their_meaning_and_no_address() {
        let denied = RedfishError::AddressDenied {
            address: IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        };
        assert!(matches!(told(&denied), DriverError::Denied(text) if !text.contains("169.254")));
        assert!(matches!(
            told(&RedfishError::RedirectDenied),
            DriverError::Denied(_)
        ));
        for away in [
            RedfishError::Unreachable {
                during: "connecting",
                source: None,
            },
            RedfishError::Deadline { sent: true },
            RedfishError::Untrusted {
                reason: "self-signed",
                source: None,
            },
        ] {
            assert!(matches!(told(&away), DriverError::Unreachable(_)), "{away}");
        }
    }
}
