//! Opening a session with whatever cipher suite the BMC and we have in common (IPMI 2.0 §13.14, §22.13, §22.15).

use tokio::time::Instant;
use tracing::{debug, info};

use super::{
    ClientConfig, IpmiError, Request, Response, Target, Version,
    codec::{
        discovery::{self, AuthCapabilities},
        lan, packet,
        suite::CipherSuite,
    },
    handshake::{self, Failure, Opened},
    in_session,
    link::{Link, Schedule, Silence},
    old_session,
};

pub(super) const NETFN_APP: u8 = 0x06;
pub(super) const GET_CHANNEL_AUTH_CAPABILITIES: u8 = 0x38;
const GET_CHANNEL_CIPHER_SUITES: u8 = 0x54;
pub(super) const THIS_CHANNEL: u8 = 0x0e;
/// A BMC lists its cipher suites in at most so many pieces of 16 bytes (IPMI 2.0 §22.15.1).
const CIPHER_SUITE_PIECES: u8 = 64;

/// What is remembered of a BMC between sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Profile {
    /// The cipher suite that worked last.
    pub(super) suite: Option<u8>,
}

/// Opens a session and raises it to the target's privilege.
pub(super) async fn open(
    link: &mut Link,
    target: &Target,
    config: &ClientConfig,
    profile: &mut Profile,
    until: Instant,
) -> Result<Opened, IpmiError> {
    if target.version == Version::V1_5 {
        return old_session::open(link, target, config, until).await;
    }
    let schedule = Schedule::new(config, until);
    let mut opened = match target.cipher_suite.or(profile.suite) {
        Some(suite) => match try_suites(link, target, schedule, &[suite]).await {
            Err(Rejected::Suites) if target.cipher_suite.is_none() => {
                discover(link, target, schedule).await?
            }
            Err(Rejected::Silence(silence)) => {
                // Some BMCs say nothing to suites that they don't have, or no longer: the next command finds out anew.
                profile.suite = None;
                return Err(silence.into());
            }
            opened => opened?,
        },
        None => discover(link, target, schedule).await?,
    };
    profile.suite = opened.session.suite();
    in_session::raise_privilege(link, target, &mut opened.session, schedule).await?;
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
    let capabilities = accepted(response).and_then(|data| AuthCapabilities::decode(&data).ok());
    debug!(peer = %link.peer, ?capabilities, "authentication capabilities");
    if capabilities.is_some_and(|said| !said.speaks_v2) {
        return Err(IpmiError::Protocol {
            reason: "it speaks only IPMI 1.5 over LAN: set ipmi_protocol_version to 1.5, if the service allows that".to_owned(),
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
    info!(peer = %link.peer, suite = opened.session.suite(), "chose an IPMI cipher suite");
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
        let mut outcome = handshake::open_with(link, target, schedule, suite).await;
        if let Err(Failure::BrokenOff(error)) = &outcome {
            debug!(peer = %link.peer, %error, "session set-up broke off; once more");
            // A BMC slower than our patience sees each message twice: now with more of it.
            let patient = Schedule {
                first_wait: schedule.first_wait * 4,
                ..schedule
            };
            outcome = handshake::open_with(link, target, patient, suite).await;
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

/// The data of a command that was carried out.
fn accepted(response: Response) -> Option<Vec<u8>> {
    (response.completion_code == 0).then_some(response.data)
}

/// A command outside of any session.
pub(super) async fn sessionless(
    link: &mut Link,
    during: &'static str,
    number: u8,
    data: Vec<u8>,
    schedule: Schedule,
) -> Result<Result<Response, IpmiError>, Silence> {
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
            packet::encode_setup(packet::PAYLOAD_IPMI, &message)
        } else {
            packet::encode_sessionless(&message)
        }
    };
    let reply = link
        .exchange(during, schedule, &mut 0, wrapping, recognise, || true)
        .await?;
    Ok(Ok(reply.response))
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
        let Some(data) = accepted(response?) else {
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
