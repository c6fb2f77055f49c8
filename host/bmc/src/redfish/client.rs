//! The client: finds or starts the actor of a service, and waits for its answer.

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
    ClientConfig, RedfishError, Request, Resources, Response, Service, Target,
    actor::{self, Job},
    peer::{Caller, Shared},
    tls::SystemTrust,
};
use crate::{actors::Actors, gate::Gates};

/// Sends Redfish requests to any number of services. Clones share their sessions.
///
/// When the last clone is dropped, the actors log out and end; [`Client::shutdown`] does the same and waits for it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    actors: Arc<Actors<Service, Job>>,
}

impl Client {
    /// Makes a client whose connections, sessions and timers live on the current runtime.
    ///
    /// Its futures may be awaited on any other. Must be called inside a tokio runtime with I/O and time enabled.
    pub fn new(config: ClientConfig) -> Self {
        let actors = Actors::new(config.max_queued, config.max_services);
        let gates = Arc::new(Gates::new(config.concurrency));
        let shared = Arc::new(Shared {
            config,
            gates,
            system_trust: SystemTrust::default(),
        });
        Self { shared, actors }
    }

    /// Sends one request and waits for its answer, for at most `deadline`.
    ///
    /// Logs in if that is needed, and anew if the session is gone. A read without an answer is sent again; a change never is, but
    /// where the service says that it did nothing: 401 with a session, 412, and 503 with `Retry-After`.
    ///
    /// A redirect is followed only to the same path with or without a slash at its end; another one on the same service
    /// is an answer, with its `location`, and one to another host an error.
    ///
    /// Dropping the future, or reaching the deadline, breaks nothing: a request not yet sent is skipped; one that was sent
    /// is finished, and logged as abandoned.
    pub async fn request(
        &self,
        service: &Service,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, RedfishError> {
        request.check()?;
        self.ask(service, deadline, |caller| {
            Job::Send(request.clone(), caller)
        })
        .await
    }

    /// Finds the resources that belong to a node, for at most `deadline`. What was found is believed for 5 minutes.
    ///
    /// A service with several systems and no `redfish_system_id` is [`RedfishError::InvalidTarget`].
    pub async fn resources(
        &self,
        target: &Target,
        deadline: Duration,
    ) -> Result<Resources, RedfishError> {
        self.ask(&target.service, deadline, |caller| {
            Job::Find(target.system.clone(), caller)
        })
        .await
    }

    /// Whether one of a node's chassis or managers, by its path in [`Resources`], is other nodes' as well, found out within `deadline`.
    ///
    /// It is if its links name another System, or if they name none and the service has others. What was found is believed for 5 minutes.
    pub async fn is_shared(
        &self,
        target: &Target,
        resource: &str,
        deadline: Duration,
    ) -> Result<bool, RedfishError> {
        self.ask(&target.service, deadline, |caller| {
            Job::Shared(target.system.clone(), resource.to_owned(), caller)
        })
        .await
    }

    /// Logs out of a BMC's service, whoever the user, and forgets what was learnt about it.
    ///
    /// To be called with the old target when a node's address or credentials change, or the node goes. Requests
    /// that already wait are still sent as they were asked for.
    pub fn forget(&self, service: &Service) {
        self.actors.forget(|other| other.shares_bmc_with(service));
    }

    /// Refuses new requests, finishes those that wait, and logs out everywhere, for at most `within`.
    pub async fn shutdown(&self, within: Duration) {
        if !self.actors.shutdown(within).await {
            tracing::warn!("some Redfish sessions could not be closed in time");
        }
    }

    /// How many services have an actor now, idle ones counted.
    pub fn services_in_use(&self) -> usize {
        self.actors.running()
    }

    async fn ask<T: Send>(
        &self,
        service: &Service,
        deadline: Duration,
        job: impl FnOnce(Caller<T>) -> Job,
    ) -> Result<T, RedfishError> {
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = job(Caller {
            reply,
            sent: Arc::clone(&sent),
        });
        let shared = Arc::clone(&self.shared);
        self.actors.submit(service, job, |mailbox| {
            actor::run(service.clone(), shared, mailbox)
        })?;
        match self.actors.within(deadline, answer).await {
            Some(answer) => answer.unwrap_or(Err(RedfishError::ShuttingDown)),
            None => Err(RedfishError::Deadline {
                sent: sent.load(Ordering::Relaxed),
            }),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("services_in_use", &self.services_in_use())
            .finish_non_exhaustive()
    }
}
