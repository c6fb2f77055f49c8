//! `ssh`: the operator's commands on this node's hypervisor.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::secrets::scrub_text;
use crate::audit::Operation;
use crate::bindings::ironbark::driver::ssh::{Host, Output};
use crate::bindings::ironbark::driver::types::Error;
use crate::capabilities::{MAX_SSH_STDERR, MAX_SSH_STDOUT, SshAccess};
use crate::error::DriverError;
use crate::state::State;

/// What is recorded of a template that the package's metadata doesn't name.
const UNKNOWN: &str = "(unknown template)";

/// Templates that a package may run, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshPolicy {
    templates: Arc<BTreeSet<String>>,
}

impl SshPolicy {
    /// These templates and no others.
    pub fn new(templates: impl IntoIterator<Item = String>) -> Self {
        Self {
            templates: Arc::new(templates.into_iter().collect()),
        }
    }
}

impl Host for State {
    async fn run(&mut self, template: String) -> wasmtime::Result<Result<Output, Error>> {
        self.count_host_call()?;
        Ok(self.run_template(template).await.map_err(Error::from))
    }
}

impl State {
    async fn run_template(&mut self, template: String) -> Result<Output, DriverError> {
        let operation = Operation::Ssh {
            template: if self.knows_template(&template) {
                template.clone()
            } else {
                UNKNOWN.to_owned()
            },
        };
        let access = self.ssh_access(&operation)?;
        if let Some(policy) = &self.package.granted.ssh
            && !policy.templates.contains(&template)
        {
            let reason = format!(
                "the SSH template {template:?} is not among those that driver package '{}' was granted",
                self.package.name.name
            );
            return Err(self.denied(&operation, reason, |asked| {
                asked
                    .ssh
                    .as_ref()
                    .is_some_and(|asked| asked.templates.contains(&template))
            }));
        }
        let limit = self.host_call_limit();
        let output = self
            .operate(operation, limit, async move {
                access.run(&template, limit).await
            })
            .await?;
        if output.stdout.len() > MAX_SSH_STDOUT || output.stderr.len() > MAX_SSH_STDERR {
            return Err(DriverError::Protocol(format!(
                "the command wrote more than {MAX_SSH_STDOUT} bytes, or complained with more than {MAX_SSH_STDERR}"
            )));
        }
        Ok(Output {
            exit_status: output.exit_status,
            stdout: self.read_text(&output.stdout),
            stderr: self.read_text(&output.stderr),
        })
    }

    /// Whether the package's metadata names it. All else is the driver's own text, and not recorded.
    fn knows_template(&self, template: &str) -> bool {
        let granted = &self.package.granted;
        let asked = granted.asked.as_deref().unwrap_or(granted);
        asked
            .ssh
            .as_ref()
            .is_some_and(|asked| asked.templates.contains(template))
    }

    fn read_text(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        scrub_text(&mut text, &self.context.secrets);
        text
    }

    fn ssh_access(&self, wanted: &Operation) -> Result<Arc<dyn SshAccess>, DriverError> {
        self.lent(
            "ssh",
            |granted| granted.ssh.is_some(),
            wanted,
            |capabilities| &capabilities.ssh,
        )
    }
}
