//! SSH for one node's calls: the operator's commands for its own machine and no other, credentials from its real `driver_info`, and
//! only while this conductor may act.

use std::time::Duration;

use async_trait::async_trait;
use ironbark_bmc::TargetError;
use ironbark_bmc::ssh::{Client, Target};
use ironbark_model::JsonObject;
use ironbark_sandbox::{DriverError, SshAccess, SshOutput};

use super::Unserved;
use super::bmc::{COMMAND_LIMIT, may_act, tell};
use crate::standing::Standing;

/// The way to one node's machine on its hypervisor.
pub(crate) struct HypervisorOverSsh {
    client: Client,
    standing: Standing,
    target: Result<Target, TargetError>,
    unserved: Unserved,
}

impl HypervisorOverSsh {
    /// The machine that `driver_info` names. What is wrong with it is said when a driver uses it.
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
impl SshAccess for HypervisorOverSsh {
    async fn run(&self, template: &str, deadline: Duration) -> Result<SshOutput, DriverError> {
        let target = self.target.as_ref();
        let target = target.map_err(|error| tell(error, &self.unserved))?;
        may_act(&self.standing, &self.unserved)?;
        let output = self
            .client
            .run(target, template, deadline.min(COMMAND_LIMIT))
            .await
            .map_err(|error| tell(&error, &self.unserved))?;
        Ok(SshOutput {
            exit_status: output.exit_status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ironbark_bmc::ssh::ClientConfig;
    use ironbark_model::ErrorKind;
    use serde_json::{Value, json};

    use super::*;

    fn complete() -> Value {
        json!({
            "ssh_address": "127.0.0.1", "ssh_port": 9, "ssh_username": "u", "ssh_password": "p",
            "ssh_host_key": format!("SHA256:{}", "A".repeat(43)), "ssh_domain": "vm-1",
        })
    }

    fn access(driver_info: Value) -> (HypervisorOverSsh, Standing) {
        let client = Client::new(ClientConfig::default());
        let standing = Standing::new(Duration::from_secs(40));
        let info = driver_info.as_object().unwrap().clone();
        let unserved = Unserved::default();
        let access = HypervisorOverSsh::new(client, standing.clone(), &info, unserved);
        (access, standing)
    }

    async fn ask(access: &HypervisorOverSsh, template: &str) -> DriverError {
        access
            .run(template, Duration::from_secs(1))
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn a_node_without_an_address_says_what_is_missing() {
        let (access, standing) = access(json!({}));
        standing.renewed(tokio::time::Instant::now());
        let error = ask(&access, "power-on").await;
        assert!(
            matches!(error, DriverError::MissingParameter(text) if text.contains("ssh_address"))
        );
    }

    #[tokio::test]
    async fn a_conductor_that_may_not_act_sends_nothing() {
        let (access, _) = access(complete());
        let error = ask(&access, "power-on").await;
        assert!(matches!(error, DriverError::Failed(text) if text.contains("registration")));
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }

    #[tokio::test]
    async fn a_command_that_the_operator_has_not_is_missing() {
        let (access, standing) = access(complete());
        standing.renewed(tokio::time::Instant::now());
        let error = ask(&access, "reinstall").await;
        assert!(
            matches!(error, DriverError::MissingParameter(text) if text.contains("[ssh.templates]"))
        );
    }

    #[tokio::test]
    async fn a_client_that_shuts_down_is_our_doing() {
        let (access, standing) = access(complete());
        standing.renewed(tokio::time::Instant::now());
        access.client.shutdown(Duration::from_secs(1)).await;
        ask(&access, "power-on").await;
        let ours = access.unserved.error().unwrap();
        assert_eq!(ours.kind(), ErrorKind::NoConductor);
    }

    #[tokio::test]
    async fn a_set_of_commands_that_is_not_there_is_named() {
        let mut info = complete().as_object().unwrap().clone();
        let client = Client::new(ClientConfig::default());
        let check = |info: &JsonObject| client.check(&Target::from_driver_info(info)?);
        assert_eq!(check(&info), Ok(()));
        info.insert("ssh_virt_type".to_owned(), json!("vbox"));
        let error = check(&info).unwrap_err();
        assert_eq!(error.key(), "ssh_virt_type");
    }
}
