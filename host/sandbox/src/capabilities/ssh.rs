//! SSH: what the sandbox needs of whoever runs the operator's commands.

use std::time::Duration;

use async_trait::async_trait;

use crate::audit::Answer;
use crate::error::DriverError;

/// The way to the hypervisor of one node. Address, keys, host key checking and the templates are the implementor's.
#[async_trait]
pub trait SshAccess: Send + Sync {
    /// Runs the operator's template of this name for this node, and waits for its end, for at most `deadline`.
    ///
    /// Runs on the I/O runtime, and to its end even if the driver's call is cancelled meanwhile. The name was checked against the
    /// grants; whether there is such a template, the implementor says (`MissingParameter`). Of an output larger than
    /// [`MAX_SSH_STDOUT`] and [`MAX_SSH_STDERR`] no more than one byte more must be kept.
    async fn run(&self, template: &str, deadline: Duration) -> Result<SshOutput, DriverError>;
}

/// Most that a command may write, in bytes (the contract's bound).
pub const MAX_SSH_STDOUT: usize = 256 * 1024;
/// Most that a command may complain, in bytes (the contract's bound).
pub const MAX_SSH_STDERR: usize = 64 * 1024;

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshOutput {
    /// Its exit status.
    pub exit_status: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
}

impl Answer for SshOutput {
    fn refusal(&self) -> Option<String> {
        let status = self.exit_status;
        (status != 0).then(|| format!("exit {status}"))
    }

    fn bytes(&self) -> &[u8] {
        &self.stdout
    }
}
