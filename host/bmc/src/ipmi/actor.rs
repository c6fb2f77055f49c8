//! The actor of one BMC: owns its session, sends one command at a time, closes what it opened.
//!
//! It lives on the client's runtime and ends when it was idle for long enough or was forgotten. Callers hold only
//! the receiving end of an answer, so one that goes away disturbs nothing: what was sent is finished and logged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tracing::{debug, warn};

use super::{
    Bridge, IpmiError, Request, Response, Target,
    handshake::Opened,
    in_session,
    link::{Link, Schedule, Silence},
    opening::{self, Profile},
    session::NotPassedOn,
    shared::Shared,
};
use crate::{actors::Mailbox, gate::Gate, resolve::resolve};

/// The BMC asks to be left alone for a moment (IPMI 2.0 table 5-2).
const NODE_BUSY: u8 = 0xc0;
/// How often a busy BMC is asked again, and after how long.
const BUSY_RETRIES: u32 = 4;
const BUSY_PAUSE: Duration = Duration::from_millis(250);
/// A session that was open before may be gone: after so many unanswered transmissions a new one is tried.
const TRANSMISSIONS_BEFORE_DOUBT: u32 = 2;

/// One command on its way to an actor.
pub(super) struct Job {
    pub(super) request: Request,
    /// Whom it is for, if not for the BMC itself.
    pub(super) bridge: Option<Bridge>,
    pub(super) reply: oneshot::Sender<Result<Response, IpmiError>>,
    /// Set when the command leaves for the BMC.
    pub(super) sent: Arc<AtomicBool>,
}

pub(super) struct Actor {
    target: Target,
    shared: Arc<Shared>,
    jobs: Mailbox<Target, Job>,
    profile: Profile,
    connection: Option<Connection>,
}

/// The way to the BMC, and the session while one is open.
struct Connection {
    link: Link,
    gate: Arc<Gate>,
    opened: Option<Opened>,
    last_command: Instant,
    last_packet: Instant,
}

impl Actor {
    pub(super) fn new(target: Target, shared: Arc<Shared>, jobs: Mailbox<Target, Job>) -> Self {
        let profile = shared.profile(&target);
        Self {
            target,
            shared,
            jobs,
            profile,
            connection: None,
        }
    }

    /// Works until nobody can send jobs any more, or it has been idle for long enough.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.next_due();
            let job = tokio::select! {
                job = self.jobs.recv() => job,
                () = sleep_until(due) => {
                    if self.upkeep().await && self.jobs.retire() {
                        return;
                    }
                    continue;
                }
            };
            let Some(job) = job else {
                self.close().await;
                return;
            };
            self.serve(job).await;
            if !self.keeps_warm() && self.jobs.is_empty() {
                self.close().await;
                if self.jobs.retire() {
                    return;
                }
            }
        }
    }

    fn keeps_warm(&self) -> bool {
        self.shared.config.warm_sessions && self.target.warm_session
    }

    /// When the session next needs a keep-alive or an end.
    fn next_due(&self) -> Instant {
        let config = &self.shared.config;
        match &self.connection {
            None => Instant::now() + config.idle_timeout,
            Some(connection) => {
                let end = connection.last_command + config.idle_timeout;
                if connection.opened.is_some() {
                    end.min(connection.last_packet + config.keep_alive)
                } else {
                    end
                }
            }
        }
    }

    /// Closes an idle session, or keeps a warm one alive. True if the actor has nothing left to do.
    async fn upkeep(&mut self) -> bool {
        let config = &self.shared.config;
        let Some(connection) = &mut self.connection else {
            return true;
        };
        if connection.last_command + config.idle_timeout <= Instant::now() {
            self.close().await;
            return true;
        }
        let until = Instant::now() + config.command_limit;
        let gate = Arc::clone(&connection.gate);
        let Ok(turn) = timeout_at(until, gate.enter(config.pacing)).await else {
            return false;
        };
        if !connection.keep_alive(Schedule::new(config, until)).await {
            debug!(peer = %connection.link.peer, "a warm IPMI session did not answer; it will be opened anew");
            connection.abandon_session().await;
        }
        turn.leave();
        false
    }

    async fn serve(&mut self, job: Job) {
        if job.reply.is_closed() {
            return;
        }
        let result = self.perform(&job).await;
        if let Err(IpmiError::AddressDenied { address }) = &result {
            warn!(%address, "refused to talk to a BMC outside of the allowed networks");
        }
        let sent = job.sent.load(Ordering::Relaxed);
        if let Err(result) = job.reply.send(result)
            && sent
        {
            let peer = self
                .connection
                .as_ref()
                .map(|connection| connection.link.peer);
            let completion_code = result
                .as_ref()
                .ok()
                .map(|response| response.completion_code);
            warn!(
                ?peer,
                netfn = job.request.netfn,
                command = job.request.command,
                completion_code,
                error = result.err().map(|error| error.to_string()),
                "finished an IPMI command that its caller abandoned"
            );
        }
    }

    async fn perform(&mut self, job: &Job) -> Result<Response, IpmiError> {
        let config = &self.shared.config;
        let connection = Self::connect(&self.target, &self.shared, &mut self.connection).await?;
        let gate = Arc::clone(&connection.gate);
        let turn = gate.enter(config.pacing).await;
        if job.reply.is_closed() {
            turn.leave();
            return Err(IpmiError::Deadline { sent: false });
        }
        let until = Instant::now() + config.command_limit;
        let result = connection
            .perform(&self.target, &self.shared, &mut self.profile, job, until)
            .await;
        connection.last_command = Instant::now();
        turn.leave();
        self.shared.remember(&self.target, self.profile);
        result
    }

    /// The way to the BMC: as it is while a session is open, else by the address that its name has now.
    async fn connect<'a>(
        target: &Target,
        shared: &Arc<Shared>,
        connection: &'a mut Option<Connection>,
    ) -> Result<&'a mut Connection, IpmiError> {
        if connection
            .as_ref()
            .is_none_or(|connection| connection.opened.is_none())
        {
            let limit = Instant::now() + shared.config.command_limit;
            let networks = &shared.config.allowed_networks;
            let peer = resolve(&target.host, target.port, networks, limit).await?;
            if connection
                .as_ref()
                .is_none_or(|connection| connection.link.peer != peer)
            {
                let now = Instant::now();
                *connection = Some(Connection {
                    link: Link::new(peer, Arc::clone(&shared.transport)),
                    gate: shared.gates.of(peer),
                    opened: None,
                    last_command: now,
                    last_packet: now,
                });
            }
        }
        connection.as_mut().ok_or(IpmiError::ShuttingDown)
    }

    async fn close(&mut self) {
        if let Some(connection) = &mut self.connection {
            let config = &self.shared.config;
            let until = Instant::now() + config.command_limit;
            connection
                .close(Schedule::new(config, until).at_most(3))
                .await;
        }
        self.connection = None;
    }
}

impl Connection {
    async fn perform(
        &mut self,
        target: &Target,
        shared: &Shared,
        profile: &mut Profile,
        job: &Job,
        until: Instant,
    ) -> Result<Response, IpmiError> {
        let schedule = Schedule::new(&shared.config, until);
        let mut busy = 0;
        loop {
            let was_open = self.opened.is_some();
            if !was_open {
                if job.reply.is_closed() {
                    return Err(IpmiError::Deadline {
                        sent: job.sent.load(Ordering::Relaxed),
                    });
                }
                // Boxed: an actor lives long and sets up rarely, and shouldn't be as large all the time.
                let opening = opening::open(&mut self.link, target, &shared.config, profile, until);
                let opened = Box::pin(opening).await?;
                self.opened = Some(opened);
            }
            let Some(opened) = &mut self.opened else {
                continue;
            };
            if job.reply.is_closed() {
                return Err(IpmiError::Deadline {
                    sent: job.sent.load(Ordering::Relaxed),
                });
            }
            if Instant::now() >= until {
                return Err(IpmiError::Unreachable {
                    during: "opening a session",
                    source: None,
                });
            }
            job.sent.store(true, Ordering::Relaxed);
            let schedule = if was_open {
                schedule.at_most(TRANSMISSIONS_BEFORE_DOUBT)
            } else {
                schedule
            };
            let wanted = || !job.reply.is_closed();
            let heard = opened.session.taken();
            let outcome = in_session::pass_on(
                &mut self.link,
                &mut opened.session,
                "the command",
                &job.request,
                job.bridge.as_ref(),
                schedule,
                wanted,
            )
            .await;
            match outcome {
                Ok(outcome) => {
                    self.last_packet = Instant::now();
                    match outcome {
                        Ok(response) if response.completion_code != NODE_BUSY => {
                            return Ok(response);
                        }
                        Err(NotPassedOn(code)) if code != NODE_BUSY => {
                            return Err(IpmiError::NotPassedOn { code });
                        }
                        Ok(_) | Err(_) => {}
                    }
                    busy += 1;
                    if busy > BUSY_RETRIES || Instant::now() + BUSY_PAUSE >= until {
                        return Err(IpmiError::Busy {
                            reason: "it answers \"node busy\" again and again",
                        });
                    }
                    sleep(BUSY_PAUSE).await;
                }
                // The BMC is there, and has passed the command on.
                Err(Silence { source, .. }) if opened.session.taken() > heard => {
                    self.last_packet = Instant::now();
                    return Err(IpmiError::Unreachable {
                        during: "the controller behind the BMC",
                        source,
                    });
                }
                Err(silence) => {
                    // The BMC may have been reset and know the session no longer, or be away. Either way this one is done.
                    self.abandon_session().await;
                    if !was_open || Instant::now() >= until {
                        return Err(silence.into());
                    }
                }
            }
        }
    }

    /// Whether the session still answers.
    async fn keep_alive(&mut self, schedule: Schedule) -> bool {
        const GET_DEVICE_ID: (u8, u8) = (0x06, 0x01);
        let Some(opened) = &mut self.opened else {
            return true;
        };
        let request = Request::new(GET_DEVICE_ID.0, GET_DEVICE_ID.1, []);
        let schedule = schedule.at_most(TRANSMISSIONS_BEFORE_DOUBT);
        let answer = in_session::command(
            &mut self.link,
            &mut opened.session,
            "keep-alive",
            &request,
            schedule,
            || true,
        )
        .await;
        self.last_packet = Instant::now();
        answer.is_ok()
    }

    /// Closes the session, with some patience for the BMC's confirmation.
    async fn close(&mut self, schedule: Schedule) {
        let Some(mut opened) = self.opened.take() else {
            return;
        };
        // Other sessions on this BMC don't have to wait for each other to end.
        in_session::close(&mut self.link, &mut opened.session, schedule).await;
        drop(opened.registration);
    }

    /// Gives up a session that seems lost, telling the BMC once in case that it isn't.
    async fn abandon_session(&mut self) {
        let Some(mut opened) = self.opened.take() else {
            return;
        };
        let farewell = in_session::farewell(&mut opened.session);
        let _ = self.link.send(&farewell).await;
    }
}
