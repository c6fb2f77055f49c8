//! Capabilities that the contract has and this conductor can't provide yet: whoever uses one is told so.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_sandbox::{
    AgentAccess, AgentCommand, AgentHeartbeat, BootMediaAccess, BootMedium, BootPurpose,
    DriverError,
};
use serde_json::Value;

/// Refuses everything, by the capability's name.
pub(crate) struct NotAvailable(pub(crate) &'static str);

impl NotAvailable {
    fn refuse<T>(&self) -> Result<T, DriverError> {
        Err(DriverError::Unsupported(format!(
            "the capability '{}' is not available on this conductor",
            self.0
        )))
    }
}

#[async_trait]
impl AgentAccess for NotAvailable {
    async fn last_heartbeat(&self, _: Duration) -> Result<Option<AgentHeartbeat>, DriverError> {
        self.refuse()
    }

    async fn run(
        &self,
        _: &str,
        _: Value,
        _: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        self.refuse()
    }

    async fn get_command(
        &self,
        _: &str,
        _: Duration,
        _: Duration,
    ) -> Result<AgentCommand, DriverError> {
        self.refuse()
    }

    async fn list_commands(&self, _: Duration) -> Result<Vec<AgentCommand>, DriverError> {
        self.refuse()
    }
}

#[async_trait]
impl BootMediaAccess for NotAvailable {
    async fn publish(&self, _: BootMedium, _: Duration) -> Result<String, DriverError> {
        self.refuse()
    }

    async fn withdraw(&self, _: Option<BootPurpose>, _: Duration) -> Result<(), DriverError> {
        self.refuse()
    }
}
