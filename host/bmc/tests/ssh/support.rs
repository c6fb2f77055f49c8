//! Clients and targets.

use std::time::Duration;

use ironbark_bmc::ssh::{Client, ClientConfig, Output, SshError, Target};
use serde_json::Value;

use crate::hypervisor::Hypervisor;

/// Long enough for everything that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A node's machine, with another value for some of its connection keys, or none for `null`.
pub(crate) fn target(hypervisor: &Hypervisor, machine: &str, changes: &[(&str, Value)]) -> Target {
    let mut info = hypervisor.driver_info(machine);
    let info = info.as_object_mut().unwrap();
    for (key, value) in changes {
        info.insert((*key).to_owned(), value.clone());
    }
    Target::from_driver_info(info).unwrap()
}

/// A client with some settings changed.
pub(crate) fn client(change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig::default();
    change(&mut config);
    Client::new(config)
}

/// Runs a command that works.
pub(crate) async fn run(client: &Client, target: &Target, template: &str) -> Output {
    client.run(target, template, PATIENCE).await.unwrap()
}

/// Runs a command that doesn't.
pub(crate) async fn fail(client: &Client, target: &Target, template: &str) -> SshError {
    client.run(target, template, PATIENCE).await.unwrap_err()
}
