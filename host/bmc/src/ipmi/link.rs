//! One BMC's line: send, wait, send again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tracing::debug;

use super::{
    ClientConfig, IpmiError,
    transport::{Deliver, Inbox, Registration, Transport},
};

/// Replies that may wait for an actor; more come only from a flood.
const INBOX: usize = 16;

/// The way to one BMC: its address and where its replies arrive.
pub(super) struct Link {
    pub(super) peer: SocketAddr,
    transport: Arc<Transport>,
    inbox: Inbox,
    deliver: Deliver,
}

/// How often and how fast a packet is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    pub(super) first_wait: Duration,
    pub(super) transmissions: u32,
    /// Nothing is sent or waited for after this.
    pub(super) until: Instant,
}

/// No answer came.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) during: &'static str,
    /// Why the last transmission failed, if it did.
    pub(super) source: Option<io::Error>,
}

impl Link {
    pub(super) fn new(peer: SocketAddr, transport: Arc<Transport>) -> Self {
        let (deliver, inbox) = mpsc::channel(INBOX);
        Self {
            peer,
            transport,
            inbox,
            deliver,
        }
    }

    pub(super) fn register_session(&self) -> (u32, Registration) {
        self.transport.register_session(self.peer, &self.deliver)
    }

    pub(super) fn register_old_session(&self, id: u32) -> Option<Registration> {
        self.transport
            .register_old_session(self.peer, &self.deliver, id)
    }

    pub(super) fn register_sequence(&self) -> Option<(u8, Registration)> {
        self.transport.register_sequence(self.peer, &self.deliver)
    }

    pub(super) fn register_tag(&self) -> Option<(u8, Registration)> {
        self.transport.register_tag(self.peer, &self.deliver)
    }

    /// The next datagram that comes; `None` when no more will.
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
        self.inbox.recv().await
    }

    /// Sends once and waits for nothing.
    pub(super) async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.transport.send(self.peer, datagram).await
    }

    /// Sends what `packet` yields, by the schedule, until `answer` recognises a reply.
    ///
    /// Nothing is sent after the schedule's end. Both get `state`. Replies that `answer` doesn't want are dropped. `wanted` is asked before each
    /// transmission but the first: when nobody wants the answer any more, the running wait is the last.
    pub(super) async fn exchange<S, T>(
        &mut self,
        during: &'static str,
        schedule: Schedule,
        state: &mut S,
        mut packet: impl FnMut(&mut S) -> Vec<u8>,
        mut answer: impl FnMut(&mut S, &[u8]) -> Option<T>,
        wanted: impl Fn() -> bool,
    ) -> Result<T, Silence> {
        let mut wait = schedule.first_wait;
        let mut source = None;
        for transmission in 0..schedule.transmissions.max(1) {
            if Instant::now() >= schedule.until || (transmission > 0 && !wanted()) {
                break;
            }
            let datagram = packet(state);
            source = self.send(&datagram).await.err();
            if let Some(error) = &source {
                debug!(peer = %self.peer, %error, during, "could not send to the BMC");
            }
            let until = schedule.until.min(Instant::now() + wait);
            while let Ok(Some(reply)) = timeout_at(until, self.inbox.recv()).await {
                if let Some(answer) = answer(state, &reply) {
                    return Ok(answer);
                }
            }
            debug!(peer = %self.peer, during, transmission, "no answer from the BMC");
            wait = (wait * 2).min(schedule.first_wait * 4);
        }
        Err(Silence { during, source })
    }
}

impl Schedule {
    /// The configured schedule, ending at `until` at the latest.
    pub(super) fn new(config: &ClientConfig, until: Instant) -> Self {
        Self {
            first_wait: config.retransmit_after,
            transmissions: config.transmissions,
            until,
        }
    }

    /// The same with fewer transmissions.
    pub(super) fn at_most(self, transmissions: u32) -> Self {
        Self {
            transmissions: self.transmissions.min(transmissions),
            ..self
        }
    }
}

impl From<Silence> for IpmiError {
    fn from(silence: Silence) -> Self {
        Self::Unreachable {
            during: silence.during,
            source: silence.source,
        }
    }
}
