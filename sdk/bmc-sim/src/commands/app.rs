//! Network function App: the BMC itself, channels and sessions (IPMI 2.0 §20, §22).

use super::{
    ADMINISTRATOR, After, Context, DATA_TOO_SHORT, Done, INVALID_COMMAND, INVALID_FIELD,
    NOT_PRESENT, Outcome, done, opening,
};
use crate::{bmc::State, crypto::Suite, satellites};

const CHANNEL: u8 = 1;
const CHANNEL_IPMB: u8 = 0;
const PRESENT_INTERFACE: u8 = 0x0e;

pub(super) fn execute(
    state: &mut State,
    context: &Context<'_>,
    number: u8,
    data: &[u8],
) -> Outcome {
    match number {
        // Get Device ID: IPMI 2.0; repository, sensors and chassis device; manufacturer FFFFFEh is nobody's.
        0x01 => done([
            0x20, 0x01, 0x02, 0x13, 0x02, 0x83, 0xfe, 0xff, 0xff, 0x01, 0x00, 0, 0, 0, 0,
        ]),
        0x02 | 0x03 => Ok(Done {
            data: Vec::new(),
            after: After::Reboot(context.config.reset_time),
        }),
        // Get Self Test Results: passed.
        0x04 => done([0x55, 0x00]),
        0x08 | 0x37 => done(context.config.guid),
        0x34 => satellites::send_message(state, context, data),
        0x38 => authentication_capabilities(context, data),
        0x39 => opening::challenge(state, context, data),
        0x3a => opening::activate(state, context, data),
        0x3b => set_privilege(state, context, data),
        0x3c => close_session(state, data),
        0x41 => channel_access(data),
        0x42 => channel_info(data),
        0x48 => activate_payload(state, context, data),
        0x49 => deactivate_payload(state, context, data),
        0x54 => cipher_suites(context, data),
        _ => Err(INVALID_COMMAND),
    }
}

fn authentication_capabilities(context: &Context<'_>, data: &[u8]) -> Outcome {
    let [channel, _privilege] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    check_channel(channel & 0x0f)?;
    // Bit 7 of the request asks for the IPMI 2.0 extension.
    let extended = channel & 0x80 != 0;
    let anonymous = context.config.users.iter().any(|user| user.name.is_empty());
    let mut status = if anonymous { 0x02 } else { 0x04 };
    if context.config.kg.is_some() {
        status |= 0x20;
    }
    let plus = extended && !context.suites.is_empty();
    let old = context.config.old;
    let mut kinds = if plus { 0x80 } else { 0x00 };
    kinds |= old.map_or(0, |old| old.bit());
    let versions = if plus { 0x02 } else { 0x00 } | u8::from(extended && old.is_some());
    done([CHANNEL, kinds, status, versions, 0, 0, 0, 0])
}

fn set_privilege(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    const EXCEEDS_LIMIT: u8 = 0x81;
    let [level] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    let level = level & 0x0f;
    let session = context
        .session
        .and_then(|id| state.sessions.active(id))
        .ok_or(INVALID_FIELD)?;
    match level {
        // 0 asks for the present level.
        0 => {}
        1 | 5.. => return Err(INVALID_FIELD),
        _ if level > session.limit => return Err(EXCEEDS_LIMIT),
        _ => session.privilege = level,
    }
    done([session.privilege])
}

fn close_session(state: &mut State, data: &[u8]) -> Outcome {
    const UNKNOWN_SESSION: u8 = 0x87;
    let (id, _) = data.split_first_chunk::<4>().ok_or(DATA_TOO_SHORT)?;
    let id = u32::from_le_bytes(*id);
    if state.sessions.active(id).is_none() {
        return Err(UNKNOWN_SESSION);
    }
    Ok(Done {
        data: Vec::new(),
        after: After::Close(id),
    })
}

/// Only Serial over LAN, and of it one instance.
fn activate_payload(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    const ACTIVE_ALREADY: u8 = 0x80;
    const DISABLED: u8 = 0x81;
    // Most characters in a packet to and from the BMC, its port, and no VLAN.
    const SIZE: u8 = 68;
    let [payload, instance, _, _, _, _] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    if (payload & 0x3f, instance & 0x0f) != (1, 1) {
        return Err(DISABLED);
    }
    let session = context.session.ok_or(INVALID_FIELD)?;
    // Sessions of IPMI 1.5 carry nothing but messages.
    let carries = state.sessions.active(session);
    if carries.is_none_or(|session| session.is_old()) {
        return Err(DISABLED);
    }
    if !state.console.activate(session, context.peer) {
        return Err(ACTIVE_ALREADY);
    }
    let [low, high] = context.config.port.to_le_bytes();
    done([0, 0, 0, 0, SIZE, 0, SIZE, 0, low, high, 0xff, 0xff])
}

fn deactivate_payload(state: &mut State, context: &Context<'_>, data: &[u8]) -> Outcome {
    const INACTIVE_ALREADY: u8 = 0x80;
    let [_payload, _instance, _, _, _, _] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    if state.console.deactivate_by(context.session) {
        done([])
    } else {
        Err(INACTIVE_ALREADY)
    }
}

fn channel_access(data: &[u8]) -> Outcome {
    let [channel, _which] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    check_channel(channel & 0x0f)?;
    // Always available, per-message authentication on.
    done([0x02, ADMINISTRATOR])
}

fn channel_info(data: &[u8]) -> Outcome {
    let [channel] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    match channel & 0x0f {
        CHANNEL_IPMB => done([CHANNEL_IPMB, 0x01, 0x01, 0x00, 0xf2, 0x1b, 0x00, 0, 0]),
        CHANNEL | PRESENT_INTERFACE => done([CHANNEL, 0x04, 0x01, 0x80, 0xf2, 0x1b, 0x00, 0, 0]),
        _ => Err(NOT_PRESENT),
    }
}

fn cipher_suites(context: &Context<'_>, data: &[u8]) -> Outcome {
    let [channel, _payload_type, index] = *data else {
        return Err(DATA_TOO_SHORT);
    };
    check_channel(channel & 0x0f)?;
    let mut records = Vec::new();
    for suite in context.suites.iter().filter_map(|id| Suite::by_id(*id)) {
        let [authentication, integrity, confidentiality] = suite.algorithms();
        records.extend([0xc0, suite.id, authentication]);
        records.extend([0x40 | integrity, 0x80 | confidentiality]);
    }
    let piece = records
        .chunks(16)
        .nth(usize::from(index & 0x3f))
        .unwrap_or_default();
    done([&[CHANNEL], piece].concat())
}

fn check_channel(channel: u8) -> Result<(), u8> {
    if matches!(channel, CHANNEL | PRESENT_INTERFACE) {
        Ok(())
    } else {
        Err(INVALID_FIELD)
    }
}
