//! The client: finds or starts the actor of a hypervisor, and waits for its answer.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Account, ClientConfig, Output, SshError, Target,
    actor::{self, Job},
    hypervisor::{Caller, Shared},
};
use crate::{TargetError, actors::Actors, gate::Gates};

/// Runs the operator's commands on any number of hypervisors. Clones share their connections.
///
/// When the last clone is dropped, the actors disconnect and end; [`Client::shutdown`] does the same and waits for it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    actors: Arc<Actors<Account, Job>>,
}

impl Client {
    /// Makes a client whose connections and timers live on the current runtime.
    ///
    /// Its futures may be awaited on any other. Must be called inside a tokio runtime with I/O and time enabled.
    pub fn new(config: ClientConfig) -> Self {
        let actors = Actors::new(config.max_queued, config.max_connections);
        let gates = Arc::new(Gates::new(config.concurrency));
        let shared = Arc::new(Shared::new(config, gates));
        Self { shared, actors }
    }

    /// Whether there are commands for a target, and somebody says which host key it has. Sends nothing.
    pub fn check(&self, target: &Target) -> Result<(), TargetError> {
        let config = &self.shared.config;
        if target.account.host_keys.is_none() && config.known_hosts.is_none() {
            Err(Target::no_host_key())
        } else if !config.templates.has_set(&target.virt_type) {
            Err(Target::no_such_set())
        } else {
            Ok(())
        }
    }

    /// Runs the operator's command of this name for a machine and waits for its end, for at most `deadline`.
    ///
    /// Connects if that is needed: the host key is checked before anything of the user's is sent. No command is sent twice.
    ///
    /// Dropping the future, or reaching the deadline, breaks nothing: a command not yet sent is skipped; one that was sent
    /// is waited for, and logged as abandoned.
    pub async fn run(
        &self,
        target: &Target,
        template: &str,
        deadline: Duration,
    ) -> Result<Output, SshError> {
        self.check(target)?;
        let templates = &self.shared.config.templates;
        let command = templates
            .command(&target.virt_type, template, &target.domain)
            .ok_or_else(|| SshError::NoTemplate {
                template: template.to_owned(),
            })?;
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = Job {
            template: template.to_owned(),
            command,
            caller: Caller {
                reply,
                sent: Arc::clone(&sent),
            },
        };
        let shared = Arc::clone(&self.shared);
        let account = &target.account;
        self.actors.submit(account, job, |mailbox| {
            actor::run(account.clone(), shared, mailbox)
        })?;
        match self.actors.within(deadline, answer).await {
            Some(answer) => answer.unwrap_or(Err(SshError::ShuttingDown)),
            None => Err(SshError::Deadline {
                sent: sent.load(Ordering::Relaxed),
            }),
        }
    }

    /// Disconnects from a hypervisor, whoever the user.
    ///
    /// To be called with the old target when a node's address or credentials change, or the node goes. Commands that already
    /// wait are still run as they were asked for.
    pub fn forget(&self, account: &Account) {
        self.actors.forget(|other| other.shares_host_with(account));
    }

    /// Refuses new commands, finishes those that wait, and disconnects everywhere, for at most `within`.
    pub async fn shutdown(&self, within: Duration) {
        if !self.actors.shutdown(within).await {
            tracing::warn!("some connections to hypervisors could not be closed in time");
        }
    }

    /// How many connections there are now, idle ones counted.
    pub fn connections_in_use(&self) -> usize {
        self.actors.running()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("connections_in_use", &self.connections_in_use())
            .finish_non_exhaustive()
    }
}
