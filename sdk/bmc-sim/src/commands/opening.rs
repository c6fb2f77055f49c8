//! Opening sessions of IPMI 1.5 (IPMI 2.0 §22.16, §22.17).

use super::{Context, DATA_TOO_SHORT, INVALID_COMMAND, INVALID_FIELD, Outcome, done};
use crate::bmc::State;

/// Get Session Challenge.
pub(super) fn challenge(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    const UNKNOWN_USER: u8 = 0x81;
    let kind = context.config.old.ok_or(INVALID_COMMAND)?;
    let ([asked, name @ ..], _) = data.split_first_chunk::<17>().ok_or(DATA_TOO_SHORT)?;
    if asked & 0x0f != kind.number() {
        return Err(INVALID_FIELD);
    }
    let (id, challenge) = state
        .sessions
        .promise(context.config, kind, name)
        .ok_or(UNKNOWN_USER)?;
    done([&id.to_le_bytes()[..], &challenge].concat())
}

/// Activate Session, in a packet of the session that was promised.
pub(super) fn activate(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    const NO_SLOT: u8 = 0x81;
    const EXCEEDS_LIMIT: u8 = 0x86;
    let temporary = context.session.ok_or(INVALID_FIELD)?;
    let (fixed, _) = data.split_first_chunk::<22>().ok_or(DATA_TOO_SHORT)?;
    let [kind, privilege, challenge @ .., n0, n1, n2, n3] = fixed;
    let slots = state.faults.session_slots;
    let slots = slots.unwrap_or(context.config.session_slots);
    let promised = state.sessions.promised(temporary).ok_or(INVALID_FIELD)?;
    if *challenge != promised.challenge() || kind & 0x0f != promised.key().kind().number() {
        return Err(INVALID_FIELD);
    }
    // Our answer got lost: once more the same.
    if let Some((_, answer)) = &promised.opened {
        return done(answer.clone());
    }
    let (asked, limit) = (privilege & 0x0f, promised.limit());
    if asked > limit {
        return Err(EXCEEDS_LIMIT);
    }
    let outbound = u32::from_le_bytes([*n0, *n1, *n2, *n3]);
    let opened = state
        .sessions
        .open_promised(temporary, asked, outbound, slots);
    let Some((id, inbound)) = opened else {
        state.observed.stats.sessions_refused += 1;
        return Err(NO_SLOT);
    };
    state.observed.stats.sessions_opened += 1;
    let open = state.sessions.open_count();
    let stats = &mut state.observed.stats;
    stats.most_sessions = stats.most_sessions.max(open);
    let mut answer = vec![*kind];
    answer.extend(id.to_le_bytes());
    answer.extend(inbound.to_le_bytes());
    answer.push(asked);
    if let Some(promised) = state.sessions.promised(temporary) {
        promised.opened = Some((id, answer.clone()));
    }
    done(answer)
}
