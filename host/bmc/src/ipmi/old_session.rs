//! Opening a session of IPMI 1.5 (IPMI 2.0 §6.11, §6.12, §22.13, §22.16, §22.17). The operator must have allowed it: its packets
//! aren't encrypted, and what protects them is MD5, or nothing at all.

use tokio::time::Instant;
use tracing::info;

use super::{
    ClientConfig, IpmiError, Request, Target,
    codec::{
        discovery::{AuthCapabilities, Challenge, OldSession},
        packet::AuthType,
    },
    handshake::Opened,
    in_session,
    link::{Link, Schedule},
    opening::{self, GET_CHANNEL_AUTH_CAPABILITIES, NETFN_APP, THIS_CHANNEL},
    session::{Key, Session},
};

const GET_SESSION_CHALLENGE: u8 = 0x39;
const ACTIVATE_SESSION: u8 = 0x3a;

/// Opens a session and raises it to the target's privilege.
pub(super) async fn open(
    link: &mut Link,
    target: &Target,
    config: &ClientConfig,
    until: Instant,
) -> Result<Opened, IpmiError> {
    let schedule = Schedule::new(config, until);
    let auth = choose(link, target, schedule).await?;
    let challenge = challenge(link, target, auth, schedule).await?;
    let key = Key::new(auth, target.password.expose().as_bytes());
    let mut opened = activate(link, target, auth, &challenge, key, schedule).await?;
    in_session::raise_privilege(link, target, &mut opened.session, schedule).await?;
    Ok(opened)
}

/// The best protection that the BMC offers at this privilege. A password is never sent in clear.
async fn choose(
    link: &mut Link,
    target: &Target,
    schedule: Schedule,
) -> Result<AuthType, IpmiError> {
    let data = vec![THIS_CHANNEL, target.privilege.number()];
    let during = "Get Channel Authentication Capabilities";
    let number = GET_CHANNEL_AUTH_CAPABILITIES;
    let answer = opening::sessionless(link, during, number, data, schedule).await??;
    let said = (answer.completion_code == 0)
        .then(|| AuthCapabilities::decode(&answer.data).ok())
        .flatten();
    let said = said.ok_or_else(|| IpmiError::Protocol {
        reason: "it doesn't say how users prove who they are".to_owned(),
    })?;
    let auth = if said.has_md5 {
        AuthType::Md5
    } else if said.has_none {
        AuthType::None
    } else {
        return Err(IpmiError::Protocol {
            reason: "it offers neither MD5 nor sessions without authentication, and nothing else of IPMI 1.5 is spoken"
                .to_owned(),
        });
    };
    info!(peer = %link.peer, ?auth, "opening a session of IPMI 1.5");
    Ok(auth)
}

async fn challenge(
    link: &mut Link,
    target: &Target,
    auth: AuthType,
    schedule: Schedule,
) -> Result<Challenge, IpmiError> {
    let mut data = vec![0; 17];
    let name = target.username.bytes();
    for (to, from) in data
        .iter_mut()
        .zip(std::iter::once(auth.number()).chain(name))
    {
        *to = from;
    }
    let during = "Get Session Challenge";
    let answer =
        opening::sessionless(link, during, GET_SESSION_CHALLENGE, data, schedule).await??;
    match answer.completion_code {
        0 => Challenge::decode(&answer.data).map_err(|_| IpmiError::Protocol {
            reason: "its challenge makes no sense".to_owned(),
        }),
        0x81 | 0x82 => Err(IpmiError::AuthFailed {
            reason: "the user is unknown: check ipmi_username",
        }),
        0xc0 => Err(IpmiError::Busy {
            reason: "it answers \"node busy\"",
        }),
        code => Err(refused(code)),
    }
}

async fn activate(
    link: &mut Link,
    target: &Target,
    auth: AuthType,
    challenge: &Challenge,
    key: Key,
    schedule: Schedule,
) -> Result<Opened, IpmiError> {
    let taken = || IpmiError::Protocol {
        reason: "it gives the same session to two".to_owned(),
    };
    let first = link
        .register_old_session(challenge.session_id)
        .ok_or_else(taken)?;
    // Any number but 0; far from the end, so that it never starts over within a session.
    let outbound = (rand::random::<u32>() >> 1) | 1;
    let mut data = vec![auth.number(), target.privilege.number()];
    data.extend(challenge.bytes);
    data.extend(outbound.to_le_bytes());
    let request = Request::new(NETFN_APP, ACTIVATE_SESSION, data);
    // Until the session is open packets have the number 0, and nobody counts them.
    let mut opening = Session::opening(challenge.session_id, key.clone());
    let during = "Activate Session; some BMCs leave a wrong password unanswered";
    let wanted = || true;
    let answer =
        in_session::command(link, &mut opening, during, &request, schedule, wanted).await?;
    drop(first);
    let session = match answer.completion_code {
        0 => OldSession::decode(&answer.data).map_err(|_| IpmiError::Protocol {
            reason: "the session that it opens makes no sense".to_owned(),
        })?,
        0x81 | 0x82 | 0x87 => {
            return Err(IpmiError::Busy {
                reason: "it has no free session",
            });
        }
        0x86 => {
            return Err(IpmiError::AuthFailed {
                reason: "the user may not have this privilege: check ipmi_priv_level",
            });
        }
        code => return Err(refused(code)),
    };
    // Whoever authenticates single packets no more says so in a packet that is.
    let auth = AuthType::from_number(session.auth_type)
        .filter(|kept| *kept == auth || *kept == AuthType::None)
        .ok_or_else(|| IpmiError::Protocol {
            reason: "it goes on with another authentication than it began with".to_owned(),
        })?;
    let registration = link
        .register_old_session(session.session_id)
        .ok_or_else(taken)?;
    Ok(Opened {
        session: Session::old(
            session.session_id,
            key.used_for(auth),
            session.inbound_sequence,
            outbound,
        ),
        registration,
    })
}

fn refused(code: u8) -> IpmiError {
    match code {
        0xcc | 0xd4 => IpmiError::AuthFailed {
            reason: "the user or the password is wrong, or the user may not have this privilege: check ipmi_username, ipmi_password and ipmi_priv_level",
        },
        code => IpmiError::Protocol {
            reason: format!("it refuses to open a session with completion code {code:#04x}"),
        },
    }
}
