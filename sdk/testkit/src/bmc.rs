//! The way to a simulated BMC, by the client that conductors use. Its errors reach the driver as a conductor would tell them.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::ipmi::{Client, Request, Target};
use ironbark_bmc::{BmcError, Meaning, TargetError};
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
        let target = self.target.as_ref().map_err(told)?;
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

/// What a driver is told of an error, as a conductor tells it.
pub(crate) fn told(error: &impl BmcError) -> DriverError {
    let message = error.to_string();
    match error.meaning() {
        Meaning::Missing => DriverError::MissingParameter(message),
        Meaning::Invalid => DriverError::InvalidParameter(message),
        Meaning::Denied => DriverError::Denied(message),
        Meaning::Unreachable => DriverError::Unreachable(message),
        Meaning::AuthFailed => DriverError::AuthFailed(message),
        Meaning::Busy { retry_after } | Meaning::Overloaded { retry_after } => DriverError::Busy {
            message,
            retry_after: Some(retry_after),
        },
        Meaning::Protocol => DriverError::Protocol(message),
        Meaning::ShuttingDown | Meaning::Failed => DriverError::Failed(message),
    }
}
