//! One BMC: its state, and the task that reads its socket.

mod old;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    sync::{Notify, watch},
};
use tracing::{debug, warn};

use crate::{
    Command, CommandRecord, Faults, OldAuthentication, PowerFault, RackConfig, Satellite, Snapshot,
    commands::{self, After, Context},
    console::Console,
    crypto::Suite,
    machine::Machine,
    rack,
    satellites::Controller,
    sessions::Sessions,
    stats::Observed,
    wire::{self, Datagram},
};

/// A name and a password to log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// A user of a BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// At most 16 bytes; empty is the null user.
    pub name: String,
    /// At most 20 bytes.
    pub password: String,
    /// The most that the user's sessions may do.
    pub privilege: PrivilegeLevel,
}

/// What a user may do (IPMI 2.0 §6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrivilegeLevel {
    /// Reads.
    User,
    /// Reads, and power.
    Operator,
    /// Everything.
    Administrator,
}

impl PrivilegeLevel {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }
}

/// What doesn't change while a BMC runs.
#[derive(Debug, Clone)]
pub(crate) struct BmcConfig {
    pub(crate) users: Vec<User>,
    pub(crate) kg: Option<Vec<u8>>,
    pub(crate) guid: [u8; 16],
    pub(crate) suites: Vec<u8>,
    /// How sessions of IPMI 1.5 are authenticated, if there are any.
    pub(crate) old: Option<OldAuthentication>,
    pub(crate) session_slots: usize,
    pub(crate) session_timeout: Duration,
    pub(crate) reset_time: Duration,
    pub(crate) satellites: Vec<Satellite>,
    pub(crate) port: u16,
}

/// What does.
pub(crate) struct State {
    pub(crate) sessions: Sessions,
    pub(crate) machine: Machine,
    pub(crate) satellites: Vec<Controller>,
    pub(crate) console: Console,
    pub(crate) faults: Faults,
    pub(crate) observed: Observed,
    /// The last reservation of the sensor data repository.
    pub(crate) reservation: u16,
    away_until: Option<Instant>,
    reboots: u64,
}

/// A BMC as its task and its handles see it.
pub(crate) struct Bmc {
    pub(crate) address: SocketAddr,
    pub(crate) config: BmcConfig,
    state: Mutex<State>,
    snapshot: watch::Sender<Snapshot>,
    /// Tells the task that something is due earlier than it thought.
    changed: Notify,
}

/// A datagram to send and how long to wait before.
type Reply = (Duration, Vec<u8>);

/// When a datagram leaves, a number to keep the order of those that leave together, for whom, and the datagram.
type Outgoing = (Instant, u64, SocketAddr, Vec<u8>);

impl State {
    /// What the BMC says about the power.
    pub(crate) fn reported_power(&self) -> bool {
        match self.faults.power {
            PowerFault::StuckAt(power) => power,
            _ => self.machine.power(),
        }
    }

    /// Restarts the BMC: sessions are lost, and for a while it hears nothing.
    pub(crate) fn reboot(&mut self, away: Duration) {
        self.sessions.clear();
        self.console.deactivate();
        self.away_until = Some(Instant::now() + away);
        self.reboots += 1;
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            power: self.machine.power(),
            open_sessions: self.sessions.open_count(),
            commands: self.observed.total,
            booted_from: self.machine.booted_from,
            diagnostic_interrupts: self.machine.diagnostic_interrupts,
            reboots: self.reboots,
            console_in_use: self.console.viewer().is_some(),
        }
    }
}

impl Bmc {
    pub(crate) fn new(address: SocketAddr, config: BmcConfig, power: bool) -> Self {
        let state = State {
            sessions: Sessions::default(),
            machine: Machine::new(power),
            satellites: config.satellites.iter().map(Controller::new).collect(),
            console: Console::default(),
            faults: Faults::default(),
            observed: Observed::default(),
            reservation: 0,
            away_until: None,
            reboots: 0,
        };
        Self {
            address,
            config,
            snapshot: watch::Sender::new(state.snapshot()),
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Looks at or changes the state, and tells those who watch.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let now = Instant::now();
        state.machine.settle(now);
        let result = act(&mut state);
        self.publish(&state);
        drop(state);
        self.changed.notify_one();
        result
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, state: &State) {
        let now = state.snapshot();
        self.snapshot.send_if_modified(|before| {
            let modified = *before != now;
            if modified {
                *before = now;
            }
            modified
        });
    }

    /// Lets time pass: does what is due, says when to come again.
    fn tick(&self) -> Option<Instant> {
        let mut state = self.lock();
        let now = Instant::now();
        let next = state.machine.settle(now);
        state.sessions.expire(now, self.config.session_timeout);
        self.publish(&state);
        match (next, state.console.next()) {
            (Some(change), Some(packet)) => Some(change.min(packet)),
            (change, packet) => change.or(packet),
        }
    }

    /// What the console has to say now.
    fn console_packet(&self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut state = self.lock();
        loop {
            if let Some(viewer) = state.console.viewer()
                && state.sessions.active(viewer).is_none()
            {
                state.console.deactivate();
            }
            let (peer, session, packet) = state.console.due(Instant::now())?;
            let sealed = state
                .sessions
                .active(session)
                .map(|session| session.seal(1, &packet))?;
            if !state.faults.silent && !state.faults.lose_replies.strikes() {
                return Some((peer, sealed));
            }
        }
    }

    fn receive(&self, peer: SocketAddr, datagram: &[u8]) -> Vec<Reply> {
        let mut state = self.lock();
        let now = Instant::now();
        let away = state.away_until.is_some_and(|until| until > now);
        if away || state.faults.silent || state.faults.lose_requests.strikes() {
            return Vec::new();
        }
        state.away_until = None;
        state.machine.settle(now);
        state.sessions.expire(now, self.config.session_timeout);
        state.observed.stats.packets_in += 1;
        let replies: Vec<Reply> = self
            .answer(&mut state, peer, datagram)
            .into_iter()
            .flat_map(|reply| spoil(&mut state, reply))
            .collect();
        state.observed.stats.packets_out += u64::try_from(replies.len()).unwrap_or(0);
        self.publish(&state);
        replies
    }

    fn answer(&self, state: &mut State, peer: SocketAddr, datagram: &[u8]) -> Vec<Reply> {
        match wire::decode(datagram) {
            Some(Datagram::Plus(packet)) if packet.session_id != 0 => {
                self.in_session(state, peer, &packet)
            }
            Some(Datagram::Old(packet)) => self.in_old_session(state, peer, &packet),
            other => self.outside(state, peer, other).into_iter().collect(),
        }
    }

    fn outside(
        &self,
        state: &mut State,
        peer: SocketAddr,
        datagram: Option<Datagram<'_>>,
    ) -> Option<Reply> {
        match datagram {
            Some(Datagram::Ping { tag }) => Some((Duration::ZERO, wire::encode_pong(tag))),
            Some(Datagram::Sessionless { message }) => {
                let (delay, message, _) = self.command(state, None, peer, message)?;
                Some((delay, wire::encode_sessionless(&message)))
            }
            // Outside of sessions RMCP+ wrapping is as good (ipmitool asks for cipher suites in it).
            Some(Datagram::Plus(packet)) if packet.payload_type == 0 => {
                let (delay, message, _) = self.command(state, None, peer, packet.payload)?;
                Some((delay, wire::encode_plus(0, 0, 0, &message)))
            }
            Some(Datagram::Plus(packet)) => {
                let reply = self.set_up(state, packet.payload_type, packet.payload);
                reply.map(|reply| (Duration::ZERO, reply))
            }
            Some(Datagram::Old(_)) | None => {
                state.observed.stats.packets_refused += 1;
                None
            }
        }
    }

    fn set_up(&self, state: &mut State, payload_type: u8, payload: &[u8]) -> Option<Vec<u8>> {
        let faults = &state.faults;
        if payload_type == 0x10
            && let [Some(a), Some(i), Some(c)] = [12, 20, 28].map(|at| payload.get(at).copied())
            && Suite::by_algorithms([a, i, c])
                .is_some_and(|suite| faults.silent_to_suites.contains(&suite.id))
        {
            return None;
        }
        let suites: Vec<u8> = self
            .config
            .suites
            .iter()
            .copied()
            .filter(|suite| !faults.refuse_suites.contains(suite))
            .collect();
        let slots = faults.session_slots.unwrap_or(self.config.session_slots);
        let outcome = state
            .sessions
            .set_up(payload_type, payload, &self.config, &suites, slots);
        let open = state.sessions.open_count();
        if let Some(suite) = outcome.opened {
            state.observed.note_session(suite);
        }
        let stats = &mut state.observed.stats;
        stats.sessions_refused += u64::from(outcome.refused_for_slots);
        stats.most_sessions = stats.most_sessions.max(open);
        outcome.reply
    }

    fn in_session(
        &self,
        state: &mut State,
        peer: SocketAddr,
        packet: &wire::Plus<'_>,
    ) -> Vec<Reply> {
        let id = packet.session_id;
        let message = state
            .sessions
            .active(id)
            .and_then(|session| session.unseal(packet));
        let Some(message) = message else {
            state.observed.stats.packets_refused += 1;
            return Vec::new();
        };
        if packet.payload_type == 1 {
            let confirmation = state.console.receive(id, &message);
            return seal(state, id, 1, confirmation, Duration::ZERO);
        }
        self.message(state, peer, id, &message)
    }

    /// Answers a message that came in a session.
    fn message(&self, state: &mut State, peer: SocketAddr, id: u32, message: &[u8]) -> Vec<Reply> {
        let Some((delay, reply, after)) = self.command(state, Some(id), peer, message) else {
            return Vec::new();
        };
        let mut sealed = seal(state, id, 0, Some(reply), delay);
        match after {
            After::Nothing => {}
            After::Say(message) => sealed.extend(seal(state, id, 0, Some(message), delay)),
            After::Close(id) => {
                state.observed.stats.sessions_closed += u64::from(state.sessions.close(id));
            }
            After::Reboot(away) => state.reboot(away),
        }
        sealed
    }

    fn command(
        &self,
        state: &mut State,
        session: Option<u32>,
        peer: SocketAddr,
        message: &[u8],
    ) -> Option<(Duration, Vec<u8>, After)> {
        let Some(request) = wire::decode_request(message) else {
            state.observed.stats.packets_refused += 1;
            return None;
        };
        let command = Command::new(request.netfn, request.command);
        let unanswered = state.faults.hang.contains(&command)
            || (command == Command::CHANNEL_CIPHER_SUITES
                && state.faults.silent_about_cipher_suites);
        let context = Context {
            config: &self.config,
            session,
            peer,
            suites: &self.config.suites,
        };
        let outcome = if unanswered {
            None
        } else if let Some(code) = state.faults.answer_to(command) {
            Some(Err(code))
        } else {
            Some(commands::execute(state, &context, command, request.data))
        };
        let code = outcome
            .as_ref()
            .map(|outcome| outcome.as_ref().err().copied().unwrap_or(0));
        debug!(address = %self.address, ?command, ?code, "command");
        state.observed.note(CommandRecord {
            command,
            data: request.data.to_vec(),
            completion_code: code,
            session,
            at: Instant::now(),
        });
        let delay = state.faults.delay_of(command);
        match outcome? {
            Ok(done) => Some((delay, request.reply(0, &done.data), done.after)),
            Err(code) => Some((delay, request.reply(code, &[]), After::Nothing)),
        }
    }
}

/// Lets a BMC without a socket receive these datagrams.
pub(crate) fn receive_everything(datagrams: &[&[u8]]) {
    let config = rack::bmc_config(&RackConfig::default(), 0);
    let bmc = Bmc::new(SocketAddr::from(([127, 0, 0, 1], 623)), config, true);
    for datagram in datagrams {
        let _ = bmc.receive(bmc.address, datagram);
    }
}

/// A payload sealed in a session, if both are there.
fn seal(
    state: &mut State,
    session: u32,
    payload_type: u8,
    payload: Option<Vec<u8>>,
    delay: Duration,
) -> Vec<Reply> {
    let session = state.sessions.active(session);
    session
        .zip(payload)
        .map(|(session, payload)| (delay, session.seal(payload_type, &payload)))
        .into_iter()
        .collect()
}

/// Applies the faults of the way back.
fn spoil(state: &mut State, (mut delay, mut packet): Reply) -> Vec<Reply> {
    let faults = &mut state.faults;
    if faults.lose_replies.strikes() {
        return Vec::new();
    }
    if faults.corrupt_replies.strikes() {
        // Past the wrapping, which would only make the packet somebody else's.
        let at = 16 + packet.len().saturating_sub(16) / 2;
        if let Some(byte) = packet.get_mut(at) {
            *byte ^= 0x10;
        }
    }
    if faults.late_replies.strikes() {
        delay += faults.late_by;
    }
    if faults.duplicate_replies.strikes() {
        return vec![(delay, packet.clone()), (delay, packet)];
    }
    vec![(delay, packet)]
}

/// Reads the socket and lets time pass, until the task is aborted.
pub(crate) async fn run(socket: UdpSocket, bmc: Arc<Bmc>) {
    let mut buffer = vec![0; 2048];
    let mut outbox: BinaryHeap<Reverse<Outgoing>> = BinaryHeap::new();
    let mut count = 0;
    loop {
        while let Some((peer, packet)) = bmc.console_packet() {
            send(&socket, &packet, peer).await;
        }
        let next_packet = outbox.peek().map(|Reverse((due, ..))| *due);
        let due = match (bmc.tick(), next_packet) {
            (Some(change), Some(packet)) => Some(change.min(packet)),
            (change, packet) => change.or(packet),
        };
        // Also without anything due, sessions expire.
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let (length, peer) = match received {
                    Ok(received) => received,
                    Err(error) => {
                        warn!(address = %bmc.address, %error, "reading failed");
                        continue;
                    }
                };
                for (delay, packet) in bmc.receive(peer, buffer.get(..length).unwrap_or_default()) {
                    if delay.is_zero() {
                        send(&socket, &packet, peer).await;
                    } else {
                        count += 1;
                        outbox.push(Reverse((Instant::now() + delay, count, peer, packet)));
                    }
                }
            }
            () = bmc.changed.notified() => {}
            () = tokio::time::sleep_until(due.into()) => {}
        }
        let now = Instant::now();
        while outbox.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            if let Some(Reverse((_, _, peer, packet))) = outbox.pop() {
                send(&socket, &packet, peer).await;
            }
        }
    }
}

async fn send(socket: &UdpSocket, packet: &[u8], peer: SocketAddr) {
    if let Err(error) = socket.send_to(packet, peer).await {
        warn!(%peer, %error, "sending failed");
    }
}
