//! What can be asked of a node's state, since which version (facts §4.2, §4.3).

use ironbark_model::{ProvisionState, Verb};

/// `timeout` of a power change, and soft power targets, since this version.
pub(crate) const SOFT_POWER_SINCE: u16 = 27;
/// A config drive with `rebuild` since this version; before it is refused with 400.
pub(crate) const REBUILD_CONFIGDRIVE_SINCE: u16 = 35;
/// A config drive as an object since this version; before it is refused with 400.
pub(crate) const CONFIGDRIVE_OBJECT_SINCE: u16 = 56;
/// `vendor_data` in a config drive since this version; before it is refused with 400.
pub(crate) const VENDOR_DATA_SINCE: u16 = 59;
/// `deploy_steps` since this version.
pub(crate) const DEPLOY_STEPS_SINCE: u16 = 69;
/// `disable_ramdisk` with `clean` since this version.
pub(crate) const CLEAN_WITHOUT_RAMDISK_SINCE: u16 = 70;
/// `disable_ramdisk` with `service` since this version.
pub(crate) const SERVICE_WITHOUT_RAMDISK_SINCE: u16 = 108;
/// `runbook` since this version.
pub(crate) const RUNBOOK_SINCE: u16 = 92;

/// Verbs whose version is checked after the node's state, so that a wrong state is told first.
const CHECKED_AFTER_STATE: &[Verb] = &[Verb::Unhold, Verb::Service];

/// `abort` in these states came later than `abort` itself.
const ABORT_IN: &[(ProvisionState, u16)] = &[
    (ProvisionState::InspectWait, 41),
    (ProvisionState::WaitCallBack, 110),
];

/// The version that `verb` needs before anything else is looked at.
pub(crate) fn verb_since(verb: Verb) -> u16 {
    if CHECKED_AFTER_STATE.contains(&verb) {
        1
    } else {
        verb.since()
    }
}

/// The version that `verb` needs in this state.
pub(crate) fn verb_in_state_since(verb: Verb, state: ProvisionState) -> u16 {
    if verb != Verb::Abort {
        return verb.since();
    }
    ABORT_IN
        .iter()
        .find(|(in_state, _)| *in_state == state)
        .map_or(verb.since(), |(_, since)| *since)
}
