//! A machine's serial console over LAN (IPMI 2.0 §15, §24): a session of its own, and the stream of characters in it.

mod line;
mod stream;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tracing::debug;

use super::{
    IpmiError, Request, Target,
    codec::sol::Activated,
    handshake::Opened,
    in_session,
    link::{Link, Schedule},
    opening,
    shared::Shared,
};
use crate::resolve::resolve;

const NETFN_APP: u8 = 0x06;
const ACTIVATE_PAYLOAD: u8 = 0x48;
const DEACTIVATE_PAYLOAD: u8 = 0x49;
const SERIAL_OVER_LAN: u8 = 1;
const INSTANCE: u8 = 1;
/// Auxiliary data of Activate Payload: as the session does it.
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;
/// Pieces that wait on their way to the machine, and from it: when nobody reads, the BMC is not confirmed anything.
const WAITING: usize = 64;

/// Somebody's look at a console. It ends when this is dropped: the BMC is told, and the session closed.
pub struct Console {
    input: mpsc::Sender<Vec<u8>>,
    output: mpsc::Receiver<Vec<u8>>,
    hold: Hold,
}

/// What ends a console, and tells how that went.
pub struct Hold {
    word: oneshot::Sender<Word>,
    ended: oneshot::Receiver<Farewell>,
}

/// How a console is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// The BMC is told.
    Close,
    /// Nothing more is sent.
    Abandon,
}

/// What became of giving a console back (Deactivate Payload).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The BMC confirmed it.
    Confirmed,
    /// It was sent, and the BMC said nothing, or that it could not.
    Unconfirmed,
    /// There was nothing to give back: the BMC had ended the console, or says nothing any more.
    NotSent,
}

impl Console {
    /// Types. Waits while the machine takes no more; false if the console has ended.
    pub async fn write(&self, characters: Vec<u8>) -> bool {
        self.input.send(characters).await.is_ok()
    }

    /// What the machine wrote; `None` at the end: the BMC ended it, or answers no more.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        self.output.recv().await
    }

    /// Both directions apart, and what ends it; the console ends when the first of them is dropped.
    pub fn split(self) -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>, Hold) {
        (self.input, self.output, self.hold)
    }
}

impl Hold {
    /// Gives the console back and closes its session. Takes some seconds at most.
    pub async fn close(self) -> Farewell {
        let _ = self.word.send(Word::Close);
        self.ended.await.unwrap_or(Farewell::NotSent)
    }

    /// Ends it here, at once, and sends nothing more: the BMC finds out by itself, when it hears nothing of the session for a minute.
    pub fn abandon(self) {
        let _ = self.word.send(Word::Abandon);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Console").finish_non_exhaustive()
    }
}

/// Opens a console, if `taking_over` also one that somebody has: it runs on the client's runtime from then on.
pub(super) async fn open(
    shared: Arc<Shared>,
    target: Target,
    taking_over: bool,
    place: OwnedSemaphorePermit,
    within: Duration,
) -> Result<Console, IpmiError> {
    let until = Instant::now() + within.min(shared.config.command_limit);
    let networks = &shared.config.allowed_networks;
    let peer = resolve(&target.host, target.port, networks, until).await?;
    let mut link = Link::new(peer, Arc::clone(&shared.transport));
    let gate = shared.gates.of(peer);
    let turn = timeout_at(until, gate.enter(shared.config.pacing)).await;
    let turn = turn.map_err(|_| IpmiError::Deadline { sent: false })?;
    let mut profile = shared.profile(&target);
    let begun = async {
        let mut opened =
            opening::open(&mut link, &target, &shared.config, &mut profile, until).await?;
        let schedule = Schedule::new(&shared.config, until);
        if taking_over {
            // That nobody has it any more is no error; that it can't be had will be seen.
            deactivate(&mut link, &mut opened, schedule).await;
        }
        activate(&mut link, opened, schedule).await
    };
    let begun = Box::pin(begun).await;
    turn.leave();
    let (opened, activated) = begun?;
    shared.remember(&target, profile);
    let (input, typed) = mpsc::channel(WAITING);
    let (written, output) = mpsc::channel(WAITING);
    let (word, told) = oneshot::channel();
    let (tell, ended) = oneshot::channel();
    let ends = stream::Ends {
        typed,
        written,
        told,
    };
    let stream = stream::Stream::new(link, opened, activated, ends, shared.config.clone());
    tokio::spawn(async move {
        let farewell = stream.run().await;
        drop(place);
        let _ = tell.send(farewell);
    });
    Ok(Console {
        input,
        output,
        hold: Hold { word, ended },
    })
}

/// Asks for the console; if the BMC refuses, the session is closed.
async fn activate(
    link: &mut Link,
    mut opened: Opened,
    schedule: Schedule,
) -> Result<(Opened, Activated), IpmiError> {
    let (encrypts, authenticates) = opened.session.protects();
    let mut auxiliary = 0;
    if encrypts {
        auxiliary |= ENCRYPTED;
    }
    if authenticates {
        auxiliary |= AUTHENTICATED;
    }
    let data = [SERIAL_OVER_LAN, INSTANCE, auxiliary, 0, 0, 0];
    let request = Request::new(NETFN_APP, ACTIVATE_PAYLOAD, data);
    let during = "Activate Payload";
    let session = &mut opened.session;
    let error = match in_session::command(link, session, during, &request, schedule, || true).await
    {
        Ok(answer) if answer.completion_code == 0 => match Activated::decode(&answer.data) {
            Ok(activated) => return Ok((opened, activated)),
            Err(_) => IpmiError::Protocol {
                reason: "what it answers to Activate Payload makes no sense".to_owned(),
            },
        },
        Ok(answer) => refused(answer.completion_code),
        Err(silence) => silence.into(),
    };
    in_session::close(link, session, schedule.at_most(1)).await;
    Err(error)
}

fn refused(code: u8) -> IpmiError {
    let reason = match code {
        0x80 => return IpmiError::ConsoleInUse,
        0x81 => "its serial over LAN is off: enable it on the BMC",
        0x83 | 0x84 => "it wants its serial console with another protection: set ipmi_cipher_suite",
        0xd4 => {
            return IpmiError::AuthFailed {
                reason: "the user may not open the serial console: check its payload access on the BMC, and ipmi_priv_level",
            };
        }
        _ => {
            debug!(code, "the BMC refuses its serial console");
            "it refuses its serial console"
        }
    };
    IpmiError::Protocol {
        reason: format!("{reason} (completion code {code:#04x})"),
    }
}

/// Gives the console back, whoever has it; false if the BMC doesn't confirm that.
async fn deactivate(link: &mut Link, opened: &mut Opened, schedule: Schedule) -> bool {
    let data = [SERIAL_OVER_LAN, INSTANCE, 0, 0, 0, 0];
    let request = Request::new(NETFN_APP, DEACTIVATE_PAYLOAD, data);
    let session = &mut opened.session;
    let during = "Deactivate Payload";
    let answer = in_session::command(link, session, during, &request, schedule, || true).await;
    let code = answer.ok().map(|answer| answer.completion_code);
    if code != Some(0) {
        debug!(peer = %link.peer, code, "the BMC did not confirm the end of a serial console");
    }
    code == Some(0)
}
