//! IPMI: what the sandbox needs of whoever talks to the BMC.

use std::time::Duration;

use async_trait::async_trait;

use crate::audit::Answer;
use crate::error::DriverError;

/// The way to one node's BMC over IPMI. Address, credentials and session are the implementor's.
#[async_trait]
pub trait IpmiAccess: Send + Sync {
    /// Sends one command and waits for its answer, for at most `deadline`.
    ///
    /// Runs on the I/O runtime, and to its end even if the driver's call is cancelled meanwhile. `netfn` is even, 0 to 62,
    /// `lun` 0 to 3, `data` at most 1,024 bytes; the commands were checked against the grants.
    async fn request(
        &self,
        netfn: u8,
        lun: u8,
        command: u8,
        data: Vec<u8>,
        deadline: Duration,
    ) -> Result<IpmiResponse, DriverError>;
}

/// A BMC's answer to one IPMI command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpmiResponse {
    /// 0 is success (IPMI 2.0, section 5.2).
    pub completion_code: u8,
    /// What follows the completion code.
    pub data: Vec<u8>,
}

impl Answer for IpmiResponse {
    fn refusal(&self) -> Option<String> {
        let code = self.completion_code;
        (code != 0).then(|| format!("0x{code:02x}"))
    }

    fn bytes(&self) -> &[u8] {
        &self.data
    }
}
