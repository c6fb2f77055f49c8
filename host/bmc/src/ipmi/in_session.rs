//! Commands that are sent in a session, and those that the session itself needs.

use tokio::time::Instant;
use tracing::debug;

use super::{
    Bridge, IpmiError, Privilege, Request, Response, Target,
    link::{Link, Schedule, Silence},
    session::{NotPassedOn, Outcome, Session},
};

const NETFN_APP: u8 = 0x06;
const SET_SESSION_PRIVILEGE: u8 = 0x3b;
const CLOSE_SESSION: u8 = 0x3c;

/// Sends a command to the BMC itself until its answer comes.
pub(super) async fn command(
    link: &mut Link,
    session: &mut Session,
    during: &'static str,
    request: &Request,
    schedule: Schedule,
    wanted: impl Fn() -> bool,
) -> Result<Response, Silence> {
    let outcome = pass_on(link, session, during, request, None, schedule, wanted).await?;
    Ok(
        outcome.unwrap_or_else(|NotPassedOn(completion_code)| Response {
            completion_code,
            data: Vec::new(),
        }),
    )
}

/// Sends a command to the BMC, or to a controller behind it, until its answer comes.
pub(super) async fn pass_on(
    link: &mut Link,
    session: &mut Session,
    during: &'static str,
    request: &Request,
    bridge: Option<&Bridge>,
    schedule: Schedule,
    wanted: impl Fn() -> bool,
) -> Result<Outcome, Silence> {
    let outgoing = session.prepare(request, bridge);
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

/// Raises a new session to the target's privilege; if that fails, the session is closed.
pub(super) async fn raise_privilege(
    link: &mut Link,
    target: &Target,
    session: &mut Session,
    schedule: Schedule,
) -> Result<(), IpmiError> {
    // A session starts at USER, or below where that is all it may have (IPMI 2.0 §22.18).
    if target.privilege <= Privilege::User {
        return Ok(());
    }
    let level = [target.privilege.number()];
    let request = Request::new(NETFN_APP, SET_SESSION_PRIVILEGE, level);
    let during = "Set Session Privilege Level";
    let error = match command(link, session, during, &request, schedule, || true).await {
        Ok(response) if response.completion_code == 0 => return Ok(()),
        Ok(response) => {
            debug!(peer = %link.peer, code = response.completion_code, "the BMC refuses the privilege level");
            IpmiError::AuthFailed {
                reason: "the user may not have this privilege: check ipmi_priv_level",
            }
        }
        Err(silence) => silence.into(),
    };
    let once = Schedule {
        transmissions: 1,
        until: Instant::now() + schedule.first_wait,
        ..schedule
    };
    close(link, session, once).await;
    Err(error)
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

/// One Close Session, for sending without waiting.
pub(super) fn farewell(session: &mut Session) -> Vec<u8> {
    let outgoing = session.prepare(&close_request(session), None);
    session.seal(&outgoing)
}

fn close_request(session: &Session) -> Request {
    Request::new(NETFN_APP, CLOSE_SESSION, session.bmc_id().to_le_bytes())
}
