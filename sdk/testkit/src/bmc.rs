//! The way to a simulated BMC, by the client that conductors use. Its errors reach the driver as a conductor would tell them.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::ipmi::{Client, IpmiError, Request, Target};
use ironbark_sandbox::{DriverError, IpmiAccess, IpmiResponse};

pub(crate) struct BmcOverIpmi {
    client: Client,
    target: Result<Target, TargetError>,
}

impl BmcOverIpmi {
    pub(crate) fn new(client: Client, target: Result<Target, TargetError>) -> Self {
        Self { client, target }
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
        let target = self.target.as_ref().map_err(wrong_target)?;
        let request = Request {
            netfn,
            lun,
            command,
            data,
        };
        let response = self
            .client
            .request(target, &request, deadline)
            .await
            .map_err(|error| told(&error))?;
        Ok(IpmiResponse {
            completion_code: response.completion_code,
            data: response.data,
        })
    }
}

pub(crate) fn wrong_target(error: &TargetError) -> DriverError {
    match error {
        TargetError::Missing { .. } => DriverError::MissingParameter(error.to_string()),
        TargetError::Invalid { .. } => DriverError::InvalidParameter(error.to_string()),
    }
}

fn told(error: &IpmiError) -> DriverError {
    let message = error.to_string();
    match error {
        IpmiError::InvalidTarget(target) => wrong_target(target),
        IpmiError::InvalidRequest { .. } => DriverError::InvalidParameter(message),
        IpmiError::AddressDenied { .. } => DriverError::Denied(message),
        IpmiError::Unreachable { .. } | IpmiError::Deadline { .. } => {
            DriverError::Unreachable(message)
        }
        IpmiError::AuthFailed { .. } => DriverError::AuthFailed(message),
        IpmiError::Busy { .. } | IpmiError::Overloaded { .. } => DriverError::Busy {
            message,
            retry_after: Some(5),
        },
        IpmiError::Protocol { .. } => DriverError::Protocol(message),
        _ => DriverError::Failed(message),
    }
}
