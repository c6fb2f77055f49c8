//! Opening a session: choosing a cipher suite, proving the password both ways, raising the privilege
//! (IPMI 2.0 §13.15 to §13.24).

use tokio::time::Instant;
use tracing::{debug, info};

use super::{
    ClientConfig, IpmiError, Privilege, Request, Target,
    codec::{
        discovery::{self, AuthCapabilities},
        lan, packet,
        setup::{self, OpenSessionResponse, Rakp2, Rakp4},
        suite::{Authentication, CipherSuite},
    },
    crypto::{self, KeyedHash, Protection},
    link::{Link, Schedule, Silence},
    session::Session,
    transport::Registration,
};

const NETFN_APP: u8 = 0x06;
const GET_CHANNEL_AUTH_CAPABILITIES: u8 = 0x38;
const SET_SESSION_PRIVILEGE: u8 = 0x3b;
const CLOSE_SESSION: u8 = 0x3c;
const GET_CHANNEL_CIPHER_SUITES: u8 = 0x54;
const THIS_CHANNEL: u8 = 0x0e;
/// In RAKP 1: look the user up by name alone, not by name and privilege (IPMI 2.0 table 13-11).
const NAME_ONLY_LOOKUP: u8 = 0x10;
/// A BMC lists its cipher suites in at most so many pieces of 16 bytes (IPMI 2.0 §22.15.1).
const CIPHER_SUITE_PIECES: u8 = 64;

/// What is remembered of a BMC between sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// The cipher suite that worked last.
    pub(super) suite: Option<u8>,
}

/// An open session and its place among the routes.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) registration: Registration,
}

/// Why a session couldn't be opened with one suite.
enum Failure {
    /// The BMC doesn't take this suite.
    SuiteRefused,
    /// No answer to the first message, which some BMCs give to suites that they don't know.
    NoOpening(Silence),
    /// Something got lost or altered on the way; worth one more try from the start.
    BrokenOff(IpmiError),
    /// Final.
    Other(IpmiError),
}

/// Opens a session and raises it to the target's privilege.
pub(super) async fn open(
    link: &mut Link,
    target: &Target,
    config: &ClientConfig,
    profile: &mut Profile,
    until: Instant,
) -> Result<Opened, IpmiError> {
    let schedule = Schedule::new(config, until);
    let mut opened = match target.cipher_suite.or(profile.suite) {
        Some(suite) => match try_suites(link, target, schedule, &[suite]).await {
            Err(Rejected::Suites) if target.cipher_suite.is_none() => {
                discover(link, target, schedule).await?
            }
            opened => opened?,
        },
        None => discover(link, target, schedule).await?,
    };
    profile.suite = Some(opened.session.suite.id);
    raise_privilege(link, target, &mut opened.session, schedule).await?;
    Ok(opened)
}

/// What no suite could mend.
enum Rejected {
    Suites,
    Silence(Silence),
    Final(IpmiError),
}

impl From<Rejected> for IpmiError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Final(error) => error,
            Rejected::Silence(silence) => silence.into(),
            Rejected::Suites => Self::Protocol {
                reason: "it refuses the cipher suites that are allowed: set ipmi_cipher_suite to one that it has".to_owned(),
            },
        }
    }
}

async fn discover(
    link: &mut Link,
    target: &Target,
    schedule: Schedule,
) -> Result<Opened, IpmiError> {
    let asked = Instant::now();
    let data = vec![0x80 | THIS_CHANNEL, target.privilege.number()];
    let during = "Get Channel Authentication Capabilities";
    let response =
        sessionless(link, during, GET_CHANNEL_AUTH_CAPABILITIES, data, schedule).await??;
    let round_trip = asked.elapsed();
    let capabilities = response
        .as_deref()
        .and_then(|data| AuthCapabilities::decode(data).ok());
    debug!(peer = %link.peer, ?capabilities, "authentication capabilities");
    if capabilities.is_some_and(|said| !said.speaks_v2) {
        return Err(IpmiError::Protocol {
            reason: "it speaks only IPMI 1.5 over LAN, which is not supported yet".to_owned(),
        });
    }
    // A BMC that knows this command answers it as fast as the last one; some never do.
    let brief = Schedule {
        first_wait: (round_trip * 10).clamp(schedule.first_wait / 4, schedule.first_wait),
        ..schedule.at_most(2)
    };
    let candidates: Vec<u8> = match list_cipher_suites(link, brief).await? {
        Some(offered) => CipherSuite::PREFERRED
            .into_iter()
            .filter(|suite| offered.contains(suite))
            .collect(),
        None => CipherSuite::PREFERRED.to_vec(),
    };
    let opened = try_suites(link, target, schedule, &candidates).await?;
    info!(peer = %link.peer, suite = opened.session.suite.id, "chose an IPMI cipher suite");
    Ok(opened)
}

/// Tries suites in order until the BMC takes one.
async fn try_suites(
    link: &mut Link,
    target: &Target,
    schedule: Schedule,
    suites: &[u8],
) -> Result<Opened, Rejected> {
    let mut silence = None;
    for suite in suites.iter().filter_map(|id| CipherSuite::from_id(*id)) {
        let mut outcome = open_with(link, target, schedule, suite).await;
        if let Err(Failure::BrokenOff(error)) = &outcome {
            debug!(peer = %link.peer, %error, "session set-up broke off; once more");
            outcome = open_with(link, target, schedule, suite).await;
        }
        match outcome {
            Ok(opened) => return Ok(opened),
            Err(Failure::SuiteRefused) => {
                debug!(peer = %link.peer, suite = suite.id, "the BMC refuses this cipher suite");
                silence = None;
            }
            Err(Failure::NoOpening(none)) => silence = Some(none),
            Err(Failure::BrokenOff(error) | Failure::Other(error)) => {
                return Err(Rejected::Final(error));
            }
        }
    }
    Err(silence.map_or(Rejected::Suites, Rejected::Silence))
}

async fn open_with(
    link: &mut Link,
    target: &Target,
    schedule: Schedule,
    suite: CipherSuite,
) -> Result<Opened, Failure> {
    let (console_id, registration) = link.register_session();
    let privilege = target.privilege.number();
    let Some((tag, _tag)) = link.register_tag() else {
        return Err(Failure::Other(IpmiError::Overloaded {
            what: "sessions being opened with this BMC's address",
        }));
    };
    let request = setup::encode_open_session(tag, privilege, console_id, suite);
    let reply = step(
        link,
        "Open Session",
        schedule,
        (packet::PAYLOAD_OPEN_SESSION_REQUEST, &request),
        packet::PAYLOAD_OPEN_SESSION_RESPONSE,
        |payload| {
            OpenSessionResponse::decode(payload)
                .ok()
                .filter(|reply| reply.head.answers(tag, console_id))
        },
    )
    .await
    .map_err(Failure::NoOpening)?;
    let Some(accepted) = reply.accepted else {
        return Err(refusal(reply.head.status));
    };
    if !accepted.is(suite) {
        return Err(Failure::SuiteRefused);
    }
    let bmc_id = accepted.bmc_id;

    let console_random: [u8; 16] = rand::random();
    let role = NAME_ONLY_LOOKUP | privilege;
    let username = target.username.as_bytes();
    let request = setup::encode_rakp_1(tag, bmc_id, &console_random, role, username);
    let reply = step(
        link,
        "RAKP message 1",
        schedule,
        (packet::PAYLOAD_RAKP_1, &request),
        packet::PAYLOAD_RAKP_2,
        |payload| {
            Rakp2::decode(payload)
                .ok()
                .filter(|reply| reply.head.answers(tag, console_id))
        },
    )
    .await
    .map_err(|silence| Failure::BrokenOff(silence.into()))?;
    let Some(proof) = reply.proof else {
        return Err(refusal(reply.head.status));
    };

    let user_hash = KeyedHash::new(suite.authentication, target.password.expose().as_bytes());
    let name_length = [u8::try_from(username.len()).unwrap_or(u8::MAX)];
    let console_id_bytes = console_id.to_le_bytes();
    let bmc_id_bytes = bmc_id.to_le_bytes();
    let expected = user_hash.of(&[
        &console_id_bytes,
        &bmc_id_bytes,
        &console_random,
        &proof.bmc_random,
        &proof.bmc_guid,
        &[role],
        &name_length,
        username,
    ]);
    if !crypto::same(&expected, &proof.code) {
        give_up(link, tag, bmc_id).await;
        return Err(Failure::BrokenOff(IpmiError::AuthFailed {
            reason: "the password is wrong: check ipmi_password",
        }));
    }

    let session_hash = match &target.kg {
        Some(kg) => KeyedHash::new(suite.authentication, kg.expose()),
        None => user_hash.clone(),
    };
    let session_key = session_hash.of(&[
        &console_random,
        &proof.bmc_random,
        &[role],
        &name_length,
        username,
    ]);
    let code = user_hash.of(&[
        &proof.bmc_random,
        &console_id_bytes,
        &[role],
        &name_length,
        username,
    ]);
    let request = setup::encode_rakp_3(tag, setup::STATUS_OK, bmc_id, &code);
    let reply = step(
        link,
        "RAKP message 3",
        schedule,
        (packet::PAYLOAD_RAKP_3, &request),
        packet::PAYLOAD_RAKP_4,
        |payload| {
            Rakp4::decode(payload)
                .ok()
                .filter(|reply| reply.head.answers(tag, console_id))
        },
    )
    .await
    .map_err(|silence| Failure::BrokenOff(silence.into()))?;
    if reply.head.status != setup::STATUS_OK {
        return Err(refusal(reply.head.status));
    }
    let mut expected = KeyedHash::new(suite.authentication, &session_key).of(&[
        &console_random,
        &bmc_id_bytes,
        &proof.bmc_guid,
    ]);
    expected.truncate(crypto::check_length(suite.authentication));
    if suite.authentication != Authentication::None && !crypto::same(&expected, &reply.check) {
        return Err(Failure::BrokenOff(IpmiError::AuthFailed {
            reason: "the BMC's own key is another: check ipmi_hex_kg_key",
        }));
    }
    let protection = Protection::new(suite, &session_key);
    Ok(Opened {
        session: Session::new(console_id, bmc_id, suite, protection),
        registration,
    })
}

/// Tells the BMC that its proof was wrong, so that it needn't keep a slot for us.
async fn give_up(link: &Link, tag: u8, bmc_id: u32) {
    let message = setup::encode_rakp_3(tag, setup::STATUS_INVALID_INTEGRITY, bmc_id, &[]);
    let _ = link.send(&wrap(packet::PAYLOAD_RAKP_3, &message)).await;
}

/// What a status other than "OK" means for us (IPMI 2.0 table 13-15).
fn refusal(status: u8) -> Failure {
    let auth_failed = |reason| Failure::Other(IpmiError::AuthFailed { reason });
    match status {
        setup::STATUS_NO_RESOURCES => Failure::Other(IpmiError::Busy {
            reason: "all of its sessions are in use",
        }),
        0x04 | 0x05 | 0x06 | 0x07 | 0x10 | 0x11 => Failure::SuiteRefused,
        setup::STATUS_INVALID_SESSION | setup::STATUS_INACTIVE_SESSION => {
            Failure::BrokenOff(IpmiError::Protocol {
                reason: "it forgot the session while it was being opened".to_owned(),
            })
        }
        0x09 | 0x0a => auth_failed("the user may not have this privilege: check ipmi_priv_level"),
        0x0d => auth_failed(
            "the user is unknown, or may not have this privilege: check ipmi_username and ipmi_priv_level",
        ),
        setup::STATUS_INVALID_INTEGRITY => {
            auth_failed("the user or the password is wrong: check ipmi_username and ipmi_password")
        }
        status => Failure::Other(IpmiError::Protocol {
            reason: format!("it refuses to open a session with status {status:#04x}"),
        }),
    }
}

async fn raise_privilege(
    link: &mut Link,
    target: &Target,
    session: &mut Session,
    schedule: Schedule,
) -> Result<(), IpmiError> {
    // A session starts at USER, or below where that is all it may have (IPMI 2.0 §22.18).
    if target.privilege <= Privilege::User {
        return Ok(());
    }
    let request = Request::new(
        NETFN_APP,
        SET_SESSION_PRIVILEGE,
        [target.privilege.number()],
    );
    let response = command(
        link,
        session,
        "Set Session Privilege Level",
        &request,
        schedule,
        || true,
    )
    .await?;
    if response.completion_code == 0 {
        return Ok(());
    }
    debug!(peer = %link.peer, code = response.completion_code, "the BMC refuses the privilege level");
    close(
        link,
        session,
        Schedule {
            transmissions: 1,
            ..schedule
        },
    )
    .await;
    Err(IpmiError::AuthFailed {
        reason: "the user may not have this privilege: check ipmi_priv_level",
    })
}

/// Sends a command in a session until its answer comes.
pub(super) async fn command(
    link: &mut Link,
    session: &mut Session,
    during: &'static str,
    request: &Request,
    schedule: Schedule,
    wanted: impl Fn() -> bool,
) -> Result<super::Response, Silence> {
    let outgoing = session.prepare(request);
    link.exchange(
        during,
        schedule,
        session,
        |session| session.seal(&outgoing),
        |session, reply| session.open(request, &outgoing, reply),
        wanted,
    )
    .await
}

/// One Close Session, for sending without waiting.
pub(super) fn farewell(session: &mut Session) -> Vec<u8> {
    let outgoing = session.prepare(&close_request(session));
    session.seal(&outgoing)
}

fn close_request(session: &Session) -> Request {
    Request::new(NETFN_APP, CLOSE_SESSION, session.bmc_id().to_le_bytes())
}

/// Closes a session; one that the BMC no longer knows is as good as closed.
pub(super) async fn close(link: &mut Link, session: &mut Session, schedule: Schedule) {
    let request = close_request(session);
    match command(link, session, "Close Session", &request, schedule, || true).await {
        Ok(response) => {
            debug!(peer = %link.peer, code = response.completion_code, "closed an IPMI session")
        }
        Err(_) => debug!(peer = %link.peer, "the BMC did not confirm the end of an IPMI session"),
    }
}

/// One message of the set-up and its reply.
async fn step<T>(
    link: &mut Link,
    during: &'static str,
    schedule: Schedule,
    (payload_type, message): (u8, &[u8]),
    expected_type: u8,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<T, Silence> {
    let datagram = wrap(payload_type, message);
    let recognise = |_: &mut (), reply: &[u8]| match packet::decode(reply) {
        Ok(packet::Packet::V2(reply)) if reply.payload_type == expected_type => read(reply.payload),
        _ => None,
    };
    link.exchange(
        during,
        schedule,
        &mut (),
        |()| datagram.clone(),
        recognise,
        || true,
    )
    .await
}

fn wrap(payload_type: u8, message: &[u8]) -> Vec<u8> {
    packet::encode_v2(
        payload_type,
        false,
        0,
        0,
        message,
        None::<fn(&[u8]) -> Vec<u8>>,
    )
}

/// A command outside of any session: its data, or `None` if the BMC refuses it.
async fn sessionless(
    link: &mut Link,
    during: &'static str,
    number: u8,
    data: Vec<u8>,
    schedule: Schedule,
) -> Result<Result<Option<Vec<u8>>, IpmiError>, Silence> {
    let Some((sequence, _registration)) = link.register_sequence() else {
        return Ok(Err(IpmiError::Overloaded {
            what: "commands to this BMC's address outside of sessions",
        }));
    };
    let request = Request::new(NETFN_APP, number, data);
    let message = lan::encode_request(&request, sequence);
    let recognise = |_: &mut u32, reply: &[u8]| {
        let payload = match packet::decode(reply) {
            Ok(packet::Packet::V1(reply)) => reply.payload,
            Ok(packet::Packet::V2(reply)) => reply.payload,
            Err(_) => return None,
        };
        lan::decode_response(payload)
            .ok()
            .filter(|reply| reply.answers(&request, sequence))
    };
    let wrapping = |transmission: &mut u32| {
        // Outside of sessions either wrapping is right, and some BMCs understand only one of them.
        *transmission += 1;
        if transmission.is_multiple_of(2) {
            wrap(packet::PAYLOAD_IPMI, &message)
        } else {
            packet::encode_sessionless(&message)
        }
    };
    let reply = link
        .exchange(during, schedule, &mut 0, wrapping, recognise, || true)
        .await?;
    let response = reply.response;
    Ok(Ok((response.completion_code == 0).then_some(response.data)))
}

/// The cipher suites that the BMC says it has; `None` if it says nothing.
async fn list_cipher_suites(
    link: &mut Link,
    schedule: Schedule,
) -> Result<Option<Vec<u8>>, IpmiError> {
    let during = "Get Channel Cipher Suites";
    let mut records = Vec::new();
    for piece in 0..CIPHER_SUITE_PIECES {
        let data = vec![THIS_CHANNEL, packet::PAYLOAD_IPMI, 0x80 | piece];
        let Ok(response) =
            sessionless(link, during, GET_CHANNEL_CIPHER_SUITES, data, schedule).await
        else {
            return Ok(None);
        };
        let Some(data) = response? else {
            return Ok(None);
        };
        let (_channel, part) = data.split_first().unwrap_or((&0, &[]));
        records.extend_from_slice(part);
        if part.len() < 16 {
            break;
        }
    }
    let suites = discovery::cipher_suites(&records);
    Ok((!suites.is_empty()).then_some(suites))
}
