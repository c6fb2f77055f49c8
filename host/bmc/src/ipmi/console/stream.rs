//! The task behind a console: characters both ways, confirmations, keep-alive, the end.

use std::time::Duration;

use tokio::{
    sync::{
        mpsc::{Receiver, Sender},
        oneshot,
    },
    time::{Instant, sleep_until},
};
use tracing::{debug, info};

use super::{
    Farewell, Word, deactivate,
    line::{Typed, Written},
};
use crate::ipmi::{
    ClientConfig, Request,
    codec::sol::{Activated, PAYLOAD_SOL, SolPacket},
    handshake::Opened,
    in_session,
    link::{Link, Schedule},
};

const NETFN_APP: u8 = 0x06;
const GET_DEVICE_ID: u8 = 0x01;
/// A BMC that refused characters is left alone for a moment.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// How long giving the console back may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The other ends of a console.
pub(super) struct Ends {
    pub(super) typed: Receiver<Vec<u8>>,
    pub(super) written: Sender<Vec<u8>>,
    pub(super) told: oneshot::Receiver<Word>,
}

pub(super) struct Stream {
    link: Link,
    opened: Opened,
    ends: Ends,
    config: ClientConfig,
    typed: Typed,
    written: Written,
    /// When the packet under way is sent again, or the next one may be.
    due: Option<Instant>,
    /// How often it was sent.
    transmissions: u32,
    last_heard: Instant,
    last_sent: Instant,
}

/// Why a stream ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Nobody looks any more.
    Left,
    /// Nobody looks any more, and nothing may be sent.
    Abandoned,
    /// The BMC says so.
    Ended,
    /// The BMC says nothing any more.
    Silent,
}

impl Stream {
    pub(super) fn new(
        link: Link,
        opened: Opened,
        activated: Activated,
        ends: Ends,
        config: ClientConfig,
    ) -> Self {
        let most = activated.inbound.saturating_sub(SolPacket::HEAD).min(255);
        let now = Instant::now();
        Self {
            link,
            opened,
            ends,
            config,
            typed: Typed::new(most),
            written: Written::default(),
            due: None,
            transmissions: 0,
            last_heard: now,
            last_sent: now,
        }
    }

    /// Runs until somebody ends it, and gives the console back if it is still ours: else somebody else may have it by now.
    pub(super) async fn run(mut self) -> Farewell {
        info!(peer = %self.link.peer, "opened a serial console");
        let why = loop {
            if let Some(why) = self.step().await {
                break why;
            }
        };
        info!(peer = %self.link.peer, ?why, "a serial console has ended");
        let until = Instant::now() + FAREWELL;
        let schedule = Schedule::new(&self.config, until).at_most(3);
        let (link, opened) = (&mut self.link, &mut self.opened);
        match why {
            End::Abandoned => Farewell::NotSent,
            End::Silent => {
                in_session::close(link, &mut opened.session, schedule.at_most(1)).await;
                Farewell::NotSent
            }
            End::Ended => {
                in_session::close(link, &mut opened.session, schedule).await;
                Farewell::NotSent
            }
            End::Left => {
                let confirmed = deactivate(link, opened, schedule).await;
                in_session::close(link, &mut opened.session, schedule).await;
                if confirmed {
                    Farewell::Confirmed
                } else {
                    Farewell::Unconfirmed
                }
            }
        }
    }

    async fn step(&mut self) -> Option<End> {
        let silent = self.last_heard + 2 * self.config.keep_alive;
        let keep_alive = (self.last_sent + self.config.keep_alive)
            .max(self.last_heard + self.config.keep_alive / 2);
        let due = self.due.unwrap_or(silent).min(keep_alive).min(silent);
        tokio::select! {
            biased;
            told = &mut self.ends.told => Some(match told {
                Ok(Word::Abandon) => End::Abandoned,
                Ok(Word::Close) | Err(_) => End::Left,
            }),
            () = self.ends.written.closed() => Some(End::Left),
            typed = self.ends.typed.recv(), if self.typed.is_hungry() => {
                let Some(characters) = typed else {
                    return Some(End::Left);
                };
                self.typed.add(&characters);
                self.send_next().await;
                None
            }
            datagram = self.link.receive() => match datagram {
                Some(datagram) => self.hear(&datagram).await,
                None => Some(End::Silent),
            },
            () = sleep_until(due) => self.on_time(silent, keep_alive).await,
        }
    }

    async fn on_time(&mut self, silent: Instant, keep_alive: Instant) -> Option<End> {
        let now = Instant::now();
        if silent <= now {
            return Some(End::Silent);
        }
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            match self.typed.again() {
                Some(_) if self.transmissions >= self.config.transmissions.max(1) => {
                    return Some(End::Silent);
                }
                Some(packet) => self.send_typed(&packet).await,
                None => self.send_next().await,
            }
        } else if keep_alive <= now {
            let request = Request::new(NETFN_APP, GET_DEVICE_ID, []);
            let session = &mut self.opened.session;
            let outgoing = session.prepare(&request, None);
            let datagram = session.seal(&outgoing);
            self.send(&datagram).await;
        }
        None
    }

    async fn hear(&mut self, datagram: &[u8]) -> Option<End> {
        let heard = self.opened.session.taken();
        let payload = self.opened.session.receive(datagram);
        if self.opened.session.taken() > heard {
            self.last_heard = Instant::now();
        }
        let (PAYLOAD_SOL, payload) = payload? else {
            return None;
        };
        let packet = SolPacket::decode(&payload).ok()?;
        if packet.ends() {
            return Some(End::Ended);
        }
        if self.typed.confirm(&packet) {
            if packet.refuses() {
                self.due = Some(Instant::now() + REFUSED_PAUSE);
            } else {
                self.due = None;
                self.send_next().await;
            }
        }
        if packet.number == 0 {
            return None;
        }
        if !self.written.is_known(&packet) {
            // What finds no room isn't confirmed, so that it comes again.
            if self.ends.written.try_send(packet.data.to_vec()).is_err() {
                debug!(peer = %self.link.peer, "nobody reads a serial console fast enough");
                return None;
            }
            self.written.take(&packet);
        }
        let confirmation = SolPacket::confirming(&packet).encode();
        let datagram = self.opened.session.seal_payload(PAYLOAD_SOL, &confirmation);
        self.send(&datagram).await;
        None
    }

    async fn send_next(&mut self) {
        if let Some(packet) = self.typed.next() {
            self.transmissions = 0;
            self.send_typed(&packet).await;
        }
    }

    async fn send_typed(&mut self, packet: &[u8]) {
        self.transmissions += 1;
        self.due = Some(Instant::now() + self.config.retransmit_after);
        let datagram = self.opened.session.seal_payload(PAYLOAD_SOL, packet);
        self.send(&datagram).await;
    }

    async fn send(&mut self, datagram: &[u8]) {
        self.last_sent = Instant::now();
        if let Err(error) = self.link.send(datagram).await {
            debug!(peer = %self.link.peer, %error, "could not send to a serial console");
        }
    }
}
