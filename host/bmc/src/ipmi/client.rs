//! The client: finds or starts the actor of a BMC, and waits for its answer.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot};

use super::{
    ClientConfig, Console, IpmiError, Request, Response, Target, Version,
    actor::{Actor, Job},
    codec::bridge,
    console,
    shared::Shared,
    transport::Transport,
};
use crate::{TargetError, actors::Actors};

/// Sends IPMI commands to any number of BMCs. Clones share their sessions.
///
/// When the last clone is dropped, the actors close their sessions and end; [`Client::shutdown`] does the same and waits for it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    actors: Arc<Actors<Target, Job>>,
    runtime: Handle,
}

impl Client {
    /// Makes a client whose sockets, sessions and timers live on the current runtime.
    ///
    /// Its futures may be awaited on any other. Must be called inside a tokio runtime with I/O and time enabled.
    pub fn new(config: ClientConfig) -> Self {
        let transport = Transport::new(Handle::current(), config.sockets);
        let actors = Actors::new(config.max_queued, config.max_bmcs);
        Self {
            shared: Arc::new(Shared::new(config, transport)),
            actors,
            runtime: Handle::current(),
        }
    }

    /// Whether the operator lets a target be talked to as it wants. Sends nothing.
    pub fn check(&self, target: &Target) -> Result<(), TargetError> {
        if target.version == Version::V1_5 && !self.shared.config.allow_v1_5 {
            return Err(Target::old_version());
        }
        Ok(())
    }

    /// As [`Client::check`], for opening its serial console.
    pub fn check_console(&self, target: &Target) -> Result<(), TargetError> {
        self.check(target)?;
        if target.version == Version::V1_5 {
            return Err(Target::no_console());
        }
        Ok(())
    }

    /// Sends one command and waits for its answer, for at most `deadline`.
    ///
    /// The session is opened if there is none, and opened anew if the BMC lost it. An unanswered command is sent again,
    /// so a BMC whose replies get lost may execute it more than once. A completion code other than 0 is a normal answer,
    /// but for "node busy" (C0h), which is retried and then [`IpmiError::Busy`].
    ///
    /// Dropping the future, or reaching the deadline, leaves the session intact: a command not yet sent is skipped; one that
    /// was sent is not sent again, its answer is waited for a little, and it is logged as abandoned.
    pub async fn request(
        &self,
        target: &Target,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, IpmiError> {
        self.check(target)?;
        check(target, request)?;
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = Job {
            request: request.clone(),
            bridge: target.bridge,
            reply,
            sent: Arc::clone(&sent),
        };
        let shared = Arc::clone(&self.shared);
        let session = target.unbridged();
        self.actors.submit(&session, job, |mailbox| {
            Actor::new(session.clone().into_owned(), shared, mailbox).run()
        })?;
        match self.actors.within(deadline, answer).await {
            Some(answer) => answer.unwrap_or(Err(IpmiError::ShuttingDown)),
            None => Err(IpmiError::Deadline {
                sent: sent.load(Ordering::Relaxed),
            }),
        }
    }

    /// Opens the serial console of a BMC's machine, in a session of its own, for at most `within`.
    ///
    /// One viewer at a time has it: somebody else's is [`IpmiError::ConsoleInUse`]. Controllers behind the BMC have none of their own:
    /// the target's bridge means nothing here.
    pub async fn console(&self, target: &Target, within: Duration) -> Result<Console, IpmiError> {
        self.open_console(target, false, within).await
    }

    /// As [`Client::console`], and whoever has it loses it: perhaps a session that nobody looks through any more.
    pub async fn take_console(
        &self,
        target: &Target,
        within: Duration,
    ) -> Result<Console, IpmiError> {
        self.open_console(target, true, within).await
    }

    async fn open_console(
        &self,
        target: &Target,
        taking_over: bool,
        within: Duration,
    ) -> Result<Console, IpmiError> {
        self.check_console(target)?;
        let place = Arc::clone(&self.shared.consoles)
            .try_acquire_owned()
            .map_err(|_| IpmiError::Overloaded {
                what: "serial consoles",
            })?;
        let (shared, target) = (Arc::clone(&self.shared), target.unbridged().into_owned());
        // On the client's runtime: a caller that goes away leaves no half-open session behind.
        let opening = self
            .runtime
            .spawn(console::open(shared, target, taking_over, place, within));
        opening.await.unwrap_or(Err(IpmiError::ShuttingDown))
    }

    /// Closes every session with this target's BMC, whoever the user, and forgets what was learnt about it.
    ///
    /// To be called with the old target when a node's address or credentials change, or the node goes. Commands
    /// that already wait are still sent as they were asked for.
    pub fn forget(&self, target: &Target) {
        self.actors
            .forget(|other| other.host == target.host && other.port == target.port);
        self.shared.forget(target);
    }

    /// Refuses new commands, finishes those that wait, and closes every session, for at most `within`.
    pub async fn shutdown(&self, within: Duration) {
        if !self.actors.shutdown(within).await {
            tracing::warn!("some IPMI sessions could not be closed in time");
        }
    }

    /// How many BMCs have an actor now, idle warm sessions counted.
    pub fn bmcs_in_use(&self) -> usize {
        self.actors.running()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("bmcs_in_use", &self.bmcs_in_use())
            .finish_non_exhaustive()
    }
}

fn check(target: &Target, request: &Request) -> Result<(), IpmiError> {
    let reason = if request.netfn > 0x3e || !request.netfn.is_multiple_of(2) {
        "the network function must be an even number from 0 to 62"
    } else if request.lun > 3 {
        "the logical unit must be 0 to 3"
    } else if request.data.len() > Request::MAX_DATA {
        "there are too many data bytes"
    } else if target.bridge.is_some() && request.data.len() > Request::MAX_BRIDGED_DATA {
        "there are too many data bytes for a controller behind the BMC"
    } else if target.bridge.is_some() && bridge::is_send_message(request) {
        // Its answer couldn't be told from the confirmations of those on the way.
        "the node's commands are passed on already (ipmi_bridging): Send Message can't be one of them"
    } else {
        return Ok(());
    };
    Err(IpmiError::InvalidRequest { reason })
}
