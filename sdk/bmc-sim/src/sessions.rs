//! Sessions of one BMC: setting them up, checking and sealing packets, slots (IPMI 2.0 §13.17 to §13.24).

mod old;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{
    bmc::{BmcConfig, User},
    crypto::{Hash, Keys, Suite, keyed_hash},
    old_sessions::{Dated, OldWrapping},
    wire,
};

/// A set-up that doesn't get on is forgotten after so long.
const HALF_OPEN: Duration = Duration::from_secs(5);
/// Sessions of IPMI 1.5 that are promised at once.
const PROMISES: usize = 64;
/// Packet numbers may be so far ahead of or behind the newest one (IPMI 2.0 §6.12.13).
const WINDOW: u32 = 16;

const OK: u8 = 0x00;
const NO_RESOURCES: u8 = 0x01;
const INVALID_SESSION: u8 = 0x02;
const INACTIVE_SESSION: u8 = 0x08;
const UNKNOWN_NAME: u8 = 0x0d;
const WRONG_PROOF: u8 = 0x0f;
const NO_SUITE: u8 = 0x11;

/// All sessions, by the BMC's id.
#[derive(Default)]
pub(crate) struct Sessions {
    by_id: HashMap<u32, Session>,
    /// Of IPMI 1.5, until somebody has answered the challenge, by their temporary ids.
    promised: HashMap<u32, Dated>,
}

pub(crate) struct Session {
    console_id: u32,
    suite: Suite,
    phase: Phase,
    /// Level now, and the most it may be raised to.
    pub(crate) privilege: u8,
    pub(crate) limit: u8,
    keys: Keys,
    sent: u32,
    newest: u32,
    seen: u32,
    last_active: Instant,
    /// It is one of IPMI 1.5.
    old: Option<OldWrapping>,
}

enum Phase {
    Opened {
        tag: u8,
    },
    Challenged {
        console_random: [u8; 16],
        bmc_random: [u8; 16],
        role: u8,
        user: User,
    },
    Active {
        last_message: Vec<u8>,
    },
}

/// What a set-up message did.
pub(crate) struct SetupOutcome {
    pub(crate) reply: Option<Vec<u8>>,
    /// The cipher suite of a session that is now open.
    pub(crate) opened: Option<u8>,
    pub(crate) refused_for_slots: bool,
}

impl SetupOutcome {
    fn reply(payload_type: u8, payload: &[u8]) -> Self {
        Self {
            reply: Some(wire::encode_setup(payload_type, payload)),
            opened: None,
            refused_for_slots: false,
        }
    }

    fn nothing() -> Self {
        Self {
            reply: None,
            opened: None,
            refused_for_slots: false,
        }
    }
}

impl Sessions {
    /// How many are open, without those being set up.
    pub(crate) fn open_count(&self) -> usize {
        self.by_id
            .values()
            .filter(|session| session.is_active())
            .count()
    }

    pub(crate) fn active(&mut self, id: u32) -> Option<&mut Session> {
        self.by_id
            .get_mut(&id)
            .filter(|session| session.is_active())
    }

    pub(crate) fn close(&mut self, id: u32) -> bool {
        self.by_id.remove(&id).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.promised.clear();
        self.by_id.clear();
    }

    /// Forgets what timed out.
    pub(crate) fn expire(&mut self, now: Instant, timeout: Duration) {
        self.promised
            .retain(|_, (at, _)| now.duration_since(*at) < HALF_OPEN);
        self.by_id.retain(|_, session| {
            let patience = if session.is_active() {
                timeout
            } else {
                HALF_OPEN
            };
            now.duration_since(session.last_active) < patience
        });
    }

    /// Answers RMCP+ Open Session Request, RAKP message 1 or 3.
    pub(crate) fn set_up(
        &mut self,
        payload_type: u8,
        payload: &[u8],
        config: &BmcConfig,
        suites: &[u8],
        slots: usize,
    ) -> SetupOutcome {
        match payload_type {
            0x10 => self.open_request(payload, suites, slots),
            0x12 => self.rakp_1(payload, config),
            0x14 => self.rakp_3(payload, config),
            _ => SetupOutcome::nothing(),
        }
    }

    fn open_request(&mut self, payload: &[u8], suites: &[u8], slots: usize) -> SetupOutcome {
        let Some((request, _)) = payload.split_first_chunk::<32>() else {
            return SetupOutcome::nothing();
        };
        let [tag, privilege, _, _, c0, c1, c2, c3, ..] = *request;
        let console = [c0, c1, c2, c3];
        let console_id = u32::from_le_bytes(console);
        let refuse = |status| {
            let mut reply = vec![tag, status, 0, 0];
            reply.extend(console);
            SetupOutcome::reply(0x11, &reply)
        };
        let algorithm = |at: usize| request.get(at).map_or(0, |number| number & 0x3f);
        let suite = Suite::by_algorithms([algorithm(12), algorithm(20), algorithm(28)])
            .filter(|suite| suites.contains(&suite.id));
        let Some(suite) = suite else {
            return refuse(NO_SUITE);
        };
        // The same request once more, because our reply got lost: no second slot.
        let known = self.by_id.iter().find_map(|(id, session)| {
            let same = session.console_id == console_id
                && matches!(session.phase, Phase::Opened { tag: known } if known == tag);
            same.then_some(*id)
        });
        let id = match known {
            Some(id) => id,
            None if self.by_id.len() >= slots => {
                return SetupOutcome {
                    refused_for_slots: true,
                    ..refuse(NO_RESOURCES)
                };
            }
            None => {
                let id = self.free_id();
                self.by_id.insert(id, Session::new(console_id, suite, tag));
                id
            }
        };
        let mut reply = vec![tag, OK, privilege, 0];
        reply.extend(console);
        reply.extend(id.to_le_bytes());
        for (kind, number) in (0_u8..).zip(suite.algorithms()) {
            reply.extend([kind, 0, 0, 8, number, 0, 0, 0]);
        }
        SetupOutcome::reply(0x11, &reply)
    }

    fn rakp_1(&mut self, payload: &[u8], config: &BmcConfig) -> SetupOutcome {
        let Some((fixed, name)) = payload.split_first_chunk::<28>() else {
            return SetupOutcome::nothing();
        };
        let [tag, _, _, _, i0, i1, i2, i3, ..] = *fixed;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        let (Some(console_random), [.., role, _, _, length]) = (fixed.get(8..24), fixed.as_slice())
        else {
            return SetupOutcome::nothing();
        };
        let refuse = |status, console_id: u32| {
            let mut reply = vec![tag, status, 0, 0];
            reply.extend(console_id.to_le_bytes());
            SetupOutcome::reply(0x13, &reply)
        };
        let Some(session) = self.by_id.get_mut(&id) else {
            return refuse(INVALID_SESSION, 0);
        };
        let console_id = session.console_id;
        if session.is_active() {
            return refuse(INACTIVE_SESSION, console_id);
        }
        let name = name.get(..usize::from(*length)).unwrap_or_default();
        let Some(user) = config
            .users
            .iter()
            .find(|user| user.name.as_bytes() == name)
        else {
            self.by_id.remove(&id);
            return refuse(UNKNOWN_NAME, console_id);
        };
        let bmc_random: [u8; 16] = rand::random();
        let code = keyed_hash(
            session.suite.hash,
            user.password.as_bytes(),
            &[
                &console_id.to_le_bytes(),
                &id.to_le_bytes(),
                console_random,
                &bmc_random,
                &config.guid,
                &[*role, *length],
                name,
            ],
        );
        let asked = role & 0x0f;
        // 0 asks for the most that the user may have (IPMI 2.0 table 13-9).
        session.limit = match asked {
            0 => user.privilege.number(),
            asked => user.privilege.number().min(asked),
        };
        session.phase = Phase::Challenged {
            console_random: console_random.first_chunk().copied().unwrap_or_default(),
            bmc_random,
            role: *role,
            user: user.clone(),
        };
        let mut reply = vec![tag, OK, 0, 0];
        reply.extend(console_id.to_le_bytes());
        reply.extend(bmc_random);
        reply.extend(config.guid);
        reply.extend(code);
        SetupOutcome::reply(0x13, &reply)
    }

    fn rakp_3(&mut self, payload: &[u8], config: &BmcConfig) -> SetupOutcome {
        let Some((fixed, code)) = payload.split_first_chunk::<8>() else {
            return SetupOutcome::nothing();
        };
        let [tag, status, _, _, i0, i1, i2, i3] = *fixed;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        let refuse = |status, console_id: u32| {
            let mut reply = vec![tag, status, 0, 0];
            reply.extend(console_id.to_le_bytes());
            SetupOutcome::reply(0x15, &reply)
        };
        let Some(session) = self.by_id.get_mut(&id) else {
            return refuse(INVALID_SESSION, 0);
        };
        let console_id = session.console_id;
        let (console_random, bmc_random, role, user) = match &session.phase {
            // Our reply got lost: once more the same.
            Phase::Active { last_message } => return SetupOutcome::reply(0x15, last_message),
            Phase::Opened { .. } => return refuse(INACTIVE_SESSION, console_id),
            Phase::Challenged {
                console_random,
                bmc_random,
                role,
                user,
            } => (console_random, bmc_random, *role, user),
        };
        if status != OK {
            self.by_id.remove(&id);
            return SetupOutcome::nothing();
        }
        let hash = session.suite.hash;
        let length = [u8::try_from(user.name.len()).unwrap_or(0)];
        let identity: [&[u8]; 3] = [&[role], &length, user.name.as_bytes()];
        let [role, length, name] = identity;
        let expected = keyed_hash(
            hash,
            user.password.as_bytes(),
            &[bmc_random, &console_id.to_le_bytes(), role, length, name],
        );
        if hash != Hash::None && expected != code {
            self.by_id.remove(&id);
            return refuse(WRONG_PROOF, console_id);
        }
        let key = config.kg.as_deref().unwrap_or(user.password.as_bytes());
        let session_key = keyed_hash(hash, key, &[console_random, bmc_random, role, length, name]);
        let mut check = keyed_hash(
            hash,
            &session_key,
            &[console_random, &id.to_le_bytes(), &config.guid],
        );
        check.truncate(session.suite.short_length());
        session.keys = Keys::derive(session.suite, &session_key);
        session.last_active = Instant::now();
        let suite = session.suite.id;
        let mut reply = vec![tag, OK, 0, 0];
        reply.extend(console_id.to_le_bytes());
        reply.extend(check);
        session.phase = Phase::Active {
            last_message: reply.clone(),
        };
        SetupOutcome {
            opened: Some(suite),
            ..SetupOutcome::reply(0x15, &reply)
        }
    }

    fn free_id(&self) -> u32 {
        loop {
            let id = rand::random();
            let taken = self.by_id.contains_key(&id) || self.promised.contains_key(&id);
            if id != 0 && !taken {
                return id;
            }
        }
    }
}

impl Session {
    fn new(console_id: u32, suite: Suite, tag: u8) -> Self {
        Self {
            console_id,
            suite,
            phase: Phase::Opened { tag },
            // Sessions start at USER (IPMI 2.0 §22.18), and may go down from there only by request.
            privilege: 2,
            limit: 0,
            keys: Keys::default(),
            sent: 0,
            newest: 0,
            seen: 0,
            last_active: Instant::now(),
            old: None,
        }
    }

    fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active { .. })
    }

    /// Whether it is one of IPMI 1.5.
    pub(crate) fn is_old(&self) -> bool {
        self.old.is_some()
    }

    /// The payload in a packet of this session, if all checks pass.
    pub(crate) fn unseal(&mut self, packet: &wire::Plus<'_>) -> Option<Vec<u8>> {
        if self.is_old()
            || !matches!(packet.payload_type, 0 | 1)
            || packet.encrypted != self.suite.encrypts
            || packet.authenticated != self.suite.signs
        {
            return None;
        }
        if self.suite.signs {
            let at = packet
                .session_part
                .len()
                .checked_sub(self.suite.short_length())?;
            let (covered, code) = packet.session_part.split_at_checked(at)?;
            if self.keys.sign(self.suite, covered) != code || covered.last() != Some(&0x07) {
                return None;
            }
        }
        if !self.fresh(packet.sequence) {
            return None;
        }
        self.last_active = Instant::now();
        if self.suite.encrypts {
            self.keys.decrypt(packet.payload)
        } else {
            Some(packet.payload.to_vec())
        }
    }

    /// A packet to the console with this payload, of a type.
    pub(crate) fn seal(&mut self, payload_type: u8, message: &[u8]) -> Vec<u8> {
        if let Some(old) = &mut self.old {
            return old.seal(self.console_id, message);
        }
        self.sent = self.sent.checked_add(1).unwrap_or(1);
        let encrypted;
        let payload = if self.suite.encrypts {
            encrypted = self.keys.encrypt(message);
            &encrypted
        } else {
            message
        };
        let flags = wire::flags(payload_type, self.suite.encrypts, self.suite.signs);
        let mut packet = wire::encode_plus(flags, self.console_id, self.sent, payload);
        if self.suite.signs {
            wire::add_trailer(&mut packet);
            let code = self.keys.sign(self.suite, wire::covered(&packet));
            packet.extend(code);
        }
        packet
    }

    /// Whether a packet number lies in the window and is new.
    fn fresh(&mut self, number: u32) -> bool {
        if number == 0 {
            return false;
        }
        if number > self.newest {
            let ahead = number - self.newest;
            if self.newest != 0 && ahead > WINDOW {
                return false;
            }
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = number;
            return true;
        }
        let bit = 1_u32.checked_shl(self.newest - number).unwrap_or(0);
        let fresh = self.newest - number < WINDOW && self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }
}
