//! What is to be done with an open operation whose conductor is gone: a pure decision.

use ironbark_model::operation::OperationKind;
use ironbark_model::step::OnInterrupt;
use ironbark_model::{Node, Operation, Timestamp};

use crate::config::Config;
use crate::operations::phase;

/// What recovery does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    CarryOn(How),
    /// It ends in its fail state, with this as `last_error`, and no driver is called any more.
    Fail(String),
    /// The same, after the driver cleaned up as after any other failure.
    CleanUp(String),
    /// It waits for a time or for somebody: the node is given back, and the wait goes on.
    Wait,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// With the phase that was under way; phases other than steps look before they act, or may run twice.
    Phase,
    /// The step that was running is run again from its start.
    RerunStep,
    /// The step that was running is called with its last cursor.
    ResumeStep,
}

/// Decides about `operation` on `node` at `now`, from what the database has and nothing else.
pub fn verdict(operation: &Operation, node: &Node, now: Timestamp, config: &Config) -> Verdict {
    if let Some(wait) = &operation.wait
        && !waits_in_worker(operation)
    {
        if wait.deadline > now {
            return Verdict::Wait;
        }
        let reason = format!("{} was not over by its deadline.", subject(operation));
        return if node.maintenance {
            Verdict::Fail(reason)
        } else {
            Verdict::CleanUp(reason)
        };
    }
    if let Some(reason) = too_risky(operation, node, now, config) {
        return Verdict::Fail(match phase::failure(operation) {
            // It had failed already: that is what the operator wants to read.
            Some(failure) => failure.to_owned(),
            None => interrupted(operation, &reason),
        });
    }
    if operation.phase != phase::STEPS || !operation.step_started {
        return Verdict::CarryOn(How::Phase);
    }
    match operation.current_step().map(|planned| planned.on_interrupt) {
        None => Verdict::CarryOn(How::Phase),
        Some(OnInterrupt::Rerun) => Verdict::CarryOn(How::RerunStep),
        Some(OnInterrupt::Resume) => Verdict::CarryOn(How::ResumeStep),
        Some(OnInterrupt::Fail) => Verdict::CleanUp(interrupted(
            operation,
            "the step must not be started again after an interruption",
        )),
    }
}

/// Why it must not be carried on whatever the step says; replaying old work destroys data.
fn too_risky(
    operation: &Operation,
    node: &Node,
    now: Timestamp,
    config: &Config,
) -> Option<String> {
    if operation.updated_at.age_at(now) > config.resume_max_age {
        return Some(format!(
            "its journal was last written more than {} s ago",
            config.resume_max_age.as_secs()
        ));
    }
    if node.maintenance {
        return Some("the node is in maintenance".to_owned());
    }
    if operation.resumes >= config.max_resumes {
        return Some(format!(
            "it was carried on {} times already",
            operation.resumes
        ));
    }
    None
}

fn interrupted(operation: &Operation, reason: &str) -> String {
    let consequence = match operation.kind {
        OperationKind::Power => " Check the node's power before you ask again.",
        _ => "",
    };
    format!(
        "{} was interrupted because its conductor stopped or could not go on, and is not carried on: {reason}.{consequence}",
        subject(operation)
    )
}

/// Names what was going on: the step if one was, else kind and phase.
fn subject(operation: &Operation) -> String {
    match operation.current_step() {
        Some(planned) if operation.phase == phase::STEPS => {
            format!("The {} step {}", operation.kind, planned.step.full_name())
        }
        _ if operation.kind == OperationKind::Power => {
            let target = operation
                .args
                .get("target")
                .and_then(serde_json::Value::as_str)
                .unwrap_or("unknown");
            format!(
                "The pending power operation \"{target}\" (phase {})",
                operation.phase
            )
        }
        _ => format!(
            "The operation {} (phase {})",
            operation.kind, operation.phase
        ),
    }
}

/// Tear-down, the way back from a rescue and what is done for a parent have no wait state: their worker keeps the node while it
/// waits.
pub(super) fn waits_in_worker(operation: &Operation) -> bool {
    matches!(
        operation.kind,
        OperationKind::TearDown | OperationKind::Unrescue | OperationKind::ChildStep
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::time::Duration;

    use ironbark_model::JsonObject;
    use ironbark_model::operation::{PlannedStep, Wait, WaitOn};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn operation(
        kind: OperationKind,
        phase: &str,
        on_interrupt: Option<OnInterrupt>,
        started: bool,
    ) -> Operation {
        let mut operation = Operation::new(kind, "n", "req-1", JsonObject::new());
        operation.phase = phase.to_owned();
        operation.step_started = started;
        operation.steps = on_interrupt
            .map(|on_interrupt| PlannedStep {
                step: serde_json::from_value(
                    json!({"interface": "deploy", "step": "erase_devices"}),
                )
                .unwrap(),
                on_interrupt,
                implementation: "fake".into(),
            })
            .into_iter()
            .collect();
        operation
    }

    fn judge(operation: &Operation) -> Verdict {
        verdict(
            operation,
            &Node::default(),
            Timestamp::now(),
            &Config::default(),
        )
    }

    #[test]
    fn a_step_says_what_becomes_of_it() {
        let of = |on_interrupt| {
            judge(&operation(
                OperationKind::Clean,
                phase::STEPS,
                Some(on_interrupt),
                true,
            ))
        };
        assert_eq!(of(OnInterrupt::Rerun), Verdict::CarryOn(How::RerunStep));
        assert_eq!(of(OnInterrupt::Resume), Verdict::CarryOn(How::ResumeStep));
        let Verdict::CleanUp(reason) = of(OnInterrupt::Fail) else {
            panic!("a fail step is never started again")
        };
        assert!(reason.contains("deploy.erase_devices"), "{reason}");
    }

    #[test]
    fn a_step_that_was_never_handed_over_starts_whatever_it_says() {
        let of = operation(
            OperationKind::Deploy,
            phase::STEPS,
            Some(OnInterrupt::Fail),
            false,
        );
        assert_eq!(judge(&of), Verdict::CarryOn(How::Phase));
    }

    #[test]
    fn old_work_work_in_maintenance_and_work_that_keeps_dying_is_failed() {
        let config = Config::default();
        let now = Timestamp::now();
        let fresh = operation(
            OperationKind::Deploy,
            phase::STEPS,
            Some(OnInterrupt::Rerun),
            true,
        );
        let node = Node::default();
        assert_eq!(
            verdict(&fresh, &node, now, &config),
            Verdict::CarryOn(How::RerunStep)
        );

        let mut old = fresh.clone();
        old.updated_at = now.minus(config.resume_max_age + Duration::from_secs(1));
        assert!(
            matches!(verdict(&old, &node, now, &config), Verdict::Fail(reason) if reason.contains("1800 s") && reason.contains("deploy.erase_devices"))
        );

        let in_maintenance = Node {
            maintenance: true,
            ..Node::default()
        };
        assert!(
            matches!(verdict(&fresh, &in_maintenance, now, &config), Verdict::Fail(reason) if reason.contains("maintenance"))
        );

        let mut dying = fresh;
        dying.resumes = config.max_resumes;
        assert!(
            matches!(verdict(&dying, &node, now, &config), Verdict::Fail(reason) if reason.contains("3 times"))
        );
    }

    #[test]
    fn waiting_work_waits_on_until_its_deadline() {
        let mut waiting = operation(
            OperationKind::Deploy,
            phase::STEPS,
            Some(OnInterrupt::Fail),
            true,
        );
        let deadline = Timestamp::now().plus(Duration::from_secs(60));
        waiting.wait = Some(Wait {
            on: WaitOn::PollAfter,
            poll_at: None,
            deadline,
            message: None,
        });
        // Even if the journal is old: nothing was interrupted.
        waiting.updated_at = Timestamp(0);
        assert_eq!(judge(&waiting), Verdict::Wait);
        let late = verdict(&waiting, &Node::default(), deadline, &Config::default());
        assert!(
            matches!(late, Verdict::CleanUp(reason) if reason.contains("deploy.erase_devices"))
        );
        let aside = Node {
            maintenance: true,
            ..Node::default()
        };
        let late = verdict(&waiting, &aside, deadline, &Config::default());
        assert!(matches!(late, Verdict::Fail(_)));
    }

    #[test]
    fn a_tear_down_that_waits_is_carried_on_since_nothing_else_would_wake_it() {
        let mut waiting = operation(OperationKind::TearDown, "tear-down", None, false);
        waiting.wait = Some(Wait {
            on: WaitOn::PollAfter,
            poll_at: None,
            deadline: Timestamp(i64::MAX),
            message: None,
        });
        assert_eq!(judge(&waiting), Verdict::CarryOn(How::Phase));
    }

    #[test]
    fn power_is_carried_on_in_every_phase() {
        for phase in [
            phase::power::SET,
            phase::power::OFF,
            phase::power::ON,
            phase::power::RESTART,
        ] {
            assert_eq!(
                judge(&operation(OperationKind::Power, phase, None, false)),
                Verdict::CarryOn(How::Phase)
            );
        }
    }

    #[test]
    fn what_had_failed_already_keeps_its_own_error() {
        let mut failing = operation(
            OperationKind::Deploy,
            phase::FAILING,
            Some(OnInterrupt::Fail),
            true,
        );
        failing
            .args
            .insert("failure".into(), json!("the disk is gone"));
        assert_eq!(judge(&failing), Verdict::CarryOn(How::Phase));
        failing.updated_at = Timestamp(0);
        assert_eq!(judge(&failing), Verdict::Fail("the disk is gone".into()));
    }

    proptest! {
        #[test]
        fn an_interrupted_fail_step_is_never_carried_on(age in 0u64..4000, resumes in 0u32..6, maintenance: bool, index in 0usize..2) {
            let now = Timestamp::now();
            let mut operation = operation(OperationKind::Deploy, phase::STEPS, Some(OnInterrupt::Fail), true);
            let rerun = operation.steps.first().cloned().map(|mut step| { step.on_interrupt = OnInterrupt::Rerun; step });
            operation.steps.extend(rerun);
            operation.step_index = index;
            operation.updated_at = now.minus(Duration::from_secs(age));
            operation.resumes = resumes;
            let node = Node { maintenance, ..Node::default() };
            let config = Config::default();
            let bounded = age <= 1800 && resumes < 3 && !maintenance;
            let decided = verdict(&operation, &node, now, &config);
            prop_assert_eq!(matches!(decided, Verdict::CarryOn(_)), bounded && index == 1);
        }
    }
}
