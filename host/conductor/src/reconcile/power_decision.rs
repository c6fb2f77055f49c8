//! What power sync does about what it read. Pure: no database, no hardware, no clock.
//!
//! Rules: design §4.7 (unknown is never off; brakes; the first pass only records) and facts §5.7.

use std::collections::HashMap;

use ironbark_db::NodeRef;
use ironbark_model::{PowerState, ProvisionState};

/// Pass with fewer troubled nodes than this never brake.
const BRAKE_AT_LEAST: usize = 10;
/// More than this share of a conductor's nodes brakes, in percent.
const BRAKE_ABOVE_PERCENT: usize = 10;

/// What asking a node's driver gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The BMC said this (`error` too is an answer).
    State(PowerState),
    /// The BMC didn't say, or the driver returned an error: the reason.
    NoAnswer(String),
    /// The driver itself broke, or we are overloaded: says nothing about the node.
    DriverFault(String),
    /// The node wasn't asked (its settings don't validate, it changed meanwhile, we may not act).
    NotAsked,
}

/// What is known of a node that matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// What the database holds.
    pub(crate) recorded: Option<PowerState>,
    /// `force_power_state_during_sync`, and the driver supports it, and power may be switched off for this node. If not, the
    /// machine is believed.
    pub(crate) may_correct: bool,
}

/// What to do about one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Database and machine agree.
    Agrees,
    /// Nothing now; it is counted.
    Counted,
    /// Nothing now, and it isn't counted.
    Ignored,
    /// Write what the machine said into the database.
    Record(PowerState),
    /// Bring the machine to what the database says.
    Correct(PowerState),
    /// Give up: maintenance and fault; `power_state` becomes this.
    GiveUp(Option<PowerState>),
}

/// Failures and mismatches in a row, by node. In memory only: after a restart a node gets its retries anew.
#[derive(Debug, Default)]
pub(crate) struct Counts(HashMap<String, u32>);

impl Counts {
    /// How many in a row for this node.
    pub(crate) fn of(&self, uuid: &str) -> u32 {
        self.0.get(uuid).copied().unwrap_or(0)
    }

    /// One more; answers how many these are.
    pub(crate) fn add(&mut self, uuid: &str) -> u32 {
        let count = self.0.entry(uuid.to_owned()).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }

    /// The last one was none: nothing was tried.
    pub(crate) fn take_back(&mut self, uuid: &str) {
        if let Some(count) = self.0.get_mut(uuid) {
            *count = count.saturating_sub(1);
        }
    }

    /// The node is well, or no longer ours.
    pub(crate) fn clear(&mut self, uuid: &str) {
        self.0.remove(uuid);
    }

    /// Forgets nodes that this pass doesn't look at, so that the table can't grow for ever.
    pub(crate) fn keep_only(&mut self, nodes: &[NodeRef]) {
        if self.0.is_empty() {
            return;
        }
        let kept: std::collections::HashSet<&str> =
            nodes.iter().map(|node| node.uuid.as_str()).collect();
        self.0.retain(|uuid, _| kept.contains(uuid.as_str()));
    }
}

/// Whether power sync looks at this node at all.
pub(crate) fn is_synced(node: &NodeRef) -> bool {
    !node.maintenance
        && node.reservation.is_none()
        && node.target_power_state.is_none()
        && is_synced_in(node.provision_state)
}

/// Whether power sync looks at nodes in this state.
pub(crate) fn is_synced_in(state: ProvisionState) -> bool {
    !matches!(
        state,
        ProvisionState::WaitCallBack
            | ProvisionState::CleanWait
            | ProvisionState::Enroll
            | ProvisionState::AdoptFailed
    )
}

/// Whether this reading is a failure of the node, or contradicts the database: what brakes count.
pub(crate) fn is_trouble(recorded: Option<PowerState>, reading: &Reading) -> bool {
    match reading {
        Reading::State(PowerState::Error) | Reading::NoAnswer(_) => true,
        Reading::State(state) => recorded.is_some_and(|recorded| recorded != *state),
        Reading::DriverFault(_) | Reading::NotAsked => false,
    }
}

/// Whether the machine says it is on or off, and the database something else.
pub(crate) fn is_mismatch(recorded: Option<PowerState>, reading: &Reading) -> bool {
    matches!(reading, Reading::State(state) if *state != PowerState::Error)
        && is_trouble(recorded, reading)
}

/// Whether so much is wrong at once that the fault is likely ours, or the network's: then nothing is corrected.
pub(crate) fn brakes(troubled: usize, read: usize) -> bool {
    troubled >= BRAKE_AT_LEAST
        && troubled.saturating_mul(100) > read.saturating_mul(BRAKE_ABOVE_PERCENT)
}

/// How freely a pass may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Licence {
    /// Correct and give up.
    Act,
    /// The first pass after a start: count, record what was unknown.
    RecordOnly,
    /// Braked: as in the first pass, and failures aren't even counted, for they say nothing about a single node.
    Braked,
}

/// What to do about one node. `count` says how many failures or mismatches in a row these are, this one included.
pub(crate) fn verdict(
    facts: Facts,
    reading: &Reading,
    count: u32,
    max_retries: u32,
    licence: Licence,
) -> Verdict {
    let seen = match reading {
        Reading::DriverFault(_) | Reading::NotAsked => return Verdict::Ignored,
        Reading::NoAnswer(_) => return give_up_or_count(None, count, max_retries, licence),
        Reading::State(PowerState::Error) => {
            return give_up_or_count(Some(PowerState::Error), count, max_retries, licence);
        }
        Reading::State(seen) => *seen,
    };
    let Some(recorded) = facts.recorded else {
        return Verdict::Record(seen);
    };
    if recorded == seen {
        return Verdict::Agrees;
    }
    // A machine can be asked for "on" or "off" only; and a mismatch that isn't to be corrected is simply recorded, also under
    // the brake: it touches no machine, and otherwise many such nodes at once would keep the brake on for ever.
    let wanted_can_be_asked_for = matches!(recorded, PowerState::On | PowerState::Off);
    if !facts.may_correct || !wanted_can_be_asked_for {
        return Verdict::Record(seen);
    }
    if licence != Licence::Act {
        Verdict::Counted
    } else if count > max_retries {
        Verdict::GiveUp(Some(seen))
    } else {
        Verdict::Correct(recorded)
    }
}

fn give_up_or_count(
    state: Option<PowerState>,
    count: u32,
    max_retries: u32,
    licence: Licence,
) -> Verdict {
    if licence == Licence::Act && count > max_retries {
        Verdict::GiveUp(state)
    } else {
        Verdict::Counted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ON: PowerState = PowerState::On;
    const OFF: PowerState = PowerState::Off;

    fn facts(recorded: Option<PowerState>, may_correct: bool) -> Facts {
        Facts {
            recorded,
            may_correct,
        }
    }

    fn no_answer() -> Reading {
        Reading::NoAnswer("timed out".into())
    }

    type Row = (Option<PowerState>, Reading, u32, bool, Licence, Verdict);

    #[test]
    #[rustfmt::skip]
    fn decides_as_the_facts_say() {
        use Licence::Act;
        let table: &[Row] = &[
            // recorded, read, count, may correct, licence → verdict
            (Some(ON), Reading::State(ON), 0, true, Act, Verdict::Agrees),
            (None, Reading::State(OFF), 1, true, Act, Verdict::Record(OFF)),
            (Some(ON), Reading::State(OFF), 1, true, Act, Verdict::Correct(ON)),
            (Some(ON), Reading::State(OFF), 3, true, Act, Verdict::Correct(ON)),
            (Some(ON), Reading::State(OFF), 4, true, Act, Verdict::GiveUp(Some(OFF))),
            (Some(ON), Reading::State(OFF), 9, false, Act, Verdict::Record(OFF)),
            (Some(PowerState::Error), Reading::State(OFF), 1, true, Act, Verdict::Record(OFF)),
            (Some(ON), no_answer(), 3, true, Act, Verdict::Counted),
            (Some(ON), no_answer(), 4, true, Act, Verdict::GiveUp(None)),
            (Some(ON), Reading::State(PowerState::Error), 4, true, Act, Verdict::GiveUp(Some(PowerState::Error))),
            (Some(ON), Reading::DriverFault("trap".into()), 9, true, Act, Verdict::Ignored),
            (Some(ON), Reading::NotAsked, 9, true, Act, Verdict::Ignored),
            (None, Reading::State(OFF), 1, true, Licence::RecordOnly, Verdict::Record(OFF)),
            (Some(ON), Reading::State(OFF), 1, true, Licence::RecordOnly, Verdict::Counted),
            (Some(ON), Reading::State(OFF), 9, true, Licence::Braked, Verdict::Counted),
            (Some(ON), Reading::State(OFF), 1, false, Licence::RecordOnly, Verdict::Record(OFF)),
            (Some(ON), Reading::State(OFF), 1, false, Licence::Braked, Verdict::Record(OFF)),
            (Some(ON), no_answer(), 9, true, Licence::Braked, Verdict::Counted),
        ];
        for (recorded, reading, count, may_correct, licence, expected) in table {
            assert_eq!(
                &verdict(facts(*recorded, *may_correct), reading, *count, 3, *licence), expected,
                "{recorded:?} {reading:?} {count} {may_correct} {licence:?}"
            );
        }
    }

    #[test]
    fn brakes_above_a_tenth_but_never_below_ten() {
        for (troubled, read, expected) in [
            (9, 9, false),
            (10, 10, true),
            (10, 100, false),
            (11, 100, true),
            (100, 1000, false),
            (101, 1000, true),
            (0, 0, false),
        ] {
            assert_eq!(brakes(troubled, read), expected, "{troubled} of {read}");
        }
    }

    fn readings() -> impl Strategy<Value = Reading> {
        prop_oneof![
            prop::sample::select(PowerState::ALL).prop_map(Reading::State),
            "[a-z ]{0,8}".prop_map(Reading::NoAnswer),
            "[a-z ]{0,8}".prop_map(Reading::DriverFault),
            Just(Reading::NotAsked),
        ]
    }

    proptest! {
        #[test]
        fn without_an_answer_no_power_action_and_never_off(
            recorded in prop::option::of(prop::sample::select(PowerState::ALL)),
            reading in readings(), count in 0_u32..10, may_correct: bool,
        ) {
            prop_assume!(!matches!(reading, Reading::State(state) if state != PowerState::Error));
            for licence in [Licence::Act, Licence::RecordOnly, Licence::Braked] {
                let verdict = verdict(facts(recorded, may_correct), &reading, count, 3, licence);
                prop_assert!(!matches!(verdict, Verdict::Correct(_) | Verdict::Record(_) | Verdict::Agrees));
                prop_assert!(!matches!(verdict, Verdict::GiveUp(Some(PowerState::Off | PowerState::On))));
            }
        }

        #[test]
        fn the_first_and_braked_passes_touch_no_machine_and_set_no_maintenance(
            recorded in prop::option::of(prop::sample::select(PowerState::ALL)),
            reading in readings(), count in 0_u32..10, may_correct: bool,
        ) {
            for licence in [Licence::RecordOnly, Licence::Braked] {
                let verdict = verdict(facts(recorded, may_correct), &reading, count, 3, licence);
                prop_assert!(!matches!(verdict, Verdict::Correct(_) | Verdict::GiveUp(_)));
            }
        }

        #[test]
        fn what_agrees_is_no_trouble_and_what_is_corrected_is(
            recorded in prop::option::of(prop::sample::select(PowerState::ALL)),
            reading in readings(), count in 1_u32..10,
        ) {
            let verdict = verdict(facts(recorded, true), &reading, count, 3, Licence::Act);
            let trouble = is_trouble(recorded, &reading);
            match verdict {
                Verdict::Agrees | Verdict::Ignored => prop_assert!(!trouble),
                Verdict::Counted | Verdict::Correct(_) | Verdict::GiveUp(_) => prop_assert!(trouble),
                Verdict::Record(_) => {}
            }
        }
    }
}
