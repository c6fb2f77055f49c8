//! Cleaning (automated and manual) and service: prepare, make the list of steps, run them, take the preparations away.

use ironbark_model::operation::OperationKind;
use ironbark_model::{
    Error, Event, InterfaceKind, JsonObject, Node, Operation, ProvisionState, Result,
};
use ironbark_sandbox::Outcome;
use serde_json::Value;

use super::phase as phases;
use super::step_run::{self, hand_over, waiting};
use super::{Next, Phase, Run, Trouble, cleaning_runbook, forget_steps, steps};
use crate::call::NodeCall;
use crate::config::Config;
use crate::failure::{history_finished, history_started};

/// Key of the arguments: the steps that the operator named. Without it cleaning is automated.
pub(crate) const WANTED: &str = "steps";

/// Key of the arguments: the operator doesn't want the deploy ramdisk to run.
pub(crate) const WITHOUT_RAMDISK: &str = "disable_ramdisk";

/// One phase of cleaning or service.
pub(super) async fn phase(run: &mut Run) -> Phase {
    match run.op.phase.as_str() {
        phases::PREPARE => prepare(run).await,
        phases::PLAN => {
            plan(run).await?;
            run.commit().await?;
            Ok(Next::Phase)
        }
        phases::STEPS => step_run::phase(run).await,
        _ => finish(run).await,
    }
}

/// Whether a node becomes available without being cleaned.
pub(crate) fn skips_cleaning(node: &Node, config: &Config) -> bool {
    !node.automated_clean.unwrap_or(config.automated_clean)
}

async fn prepare(run: &mut Run) -> Phase {
    let started = history_started(&run.op, &run.node, run.ctx().host());
    run.record(started);
    cleaning_runbook::open(run).await?;
    run.call().validate(InterfaceKind::Power).await?;
    if !needs_ramdisk(&run.call(), &run.op)? {
        plan(run).await?;
        run.commit().await?;
        return Ok(Next::Phase);
    }
    run.call().validate(InterfaceKind::Network).await?;
    let called = if run.op.kind == OperationKind::Service {
        run.call().prepare_service().await?
    } else {
        run.call().prepare_cleaning().await?
    };
    match run.settle(called).await? {
        Outcome::Done => {
            plan(run).await?;
            // Without steps nothing was begun that must not be begun twice.
            if run.op.phase != phases::FINISH {
                run.commit().await?;
            }
            Ok(Next::Phase)
        }
        Outcome::Wait(wait) => {
            let (wait, cursor) = waiting(wait);
            run.enter(phases::PLAN);
            run.op.cursor = Some(cursor);
            run.raise(Event::Wait)?;
            run.part(wait).await
        }
    }
}

/// Makes the list of steps and hands the first one over; not stored yet.
async fn plan(run: &mut Run) -> std::result::Result<(), Trouble> {
    let kind = step_run::step_kind(run.op.kind);
    let offered = run.call().steps(kind)?;
    run.op.steps = match wanted(&run.op) {
        Some(wanted) => steps::requested(&offered, &read_wanted(wanted)?)?,
        None => steps::enabled(offered),
    };
    if without_ramdisk(&run.op) {
        steps::check_without_ramdisk(&run.op.steps)?;
    }
    let (list, index) = if run.op.kind == OperationKind::Service {
        ("service_steps", "service_step_index")
    } else {
        ("clean_steps", "clean_step_index")
    };
    if !run.op.steps.is_empty() {
        let shown: Vec<Value> = run
            .op
            .steps
            .iter()
            .filter_map(|planned| serde_json::to_value(&planned.step).ok())
            .collect();
        let info = &mut run.node.driver_internal_info;
        info.insert(list.to_owned(), Value::Array(shown));
        info.insert(index.to_owned(), Value::from(0));
    }
    hand_over(run, 0)
}

/// Whether the machine must run the deploy ramdisk: always to be cleaned by itself, and for steps that say so. Steps that there aren't are
/// refused when the list is made.
pub(super) fn needs_ramdisk(call: &NodeCall<'_>, operation: &Operation) -> Result<bool> {
    if without_ramdisk(operation) {
        return Ok(false);
    }
    let Some(wanted) = wanted(operation) else {
        return Ok(true);
    };
    let offered = call.steps(step_run::step_kind(operation.kind))?;
    let planned = steps::requested(&offered, &read_wanted(wanted)?);
    Ok(planned.map_or(true, |planned| {
        planned.iter().any(|planned| planned.step.requires_ramdisk)
    }))
}

/// Whether the operator forbade the deploy ramdisk.
fn without_ramdisk(operation: &Operation) -> bool {
    operation.args.get(WITHOUT_RAMDISK) == Some(&Value::Bool(true))
}

async fn finish(run: &mut Run) -> Phase {
    if needs_ramdisk(&run.call(), &run.op)? {
        let called = if run.op.kind == OperationKind::Service {
            run.call().tear_down_service().await?
        } else {
            run.call().tear_down_cleaning().await?
        };
        run.keep(called);
    }
    let ended = history_finished(&run.op, &run.node, run.ctx().host());
    run.record(ended);
    if run.op.kind == OperationKind::Service {
        run.node.service_step = JsonObject::new();
    } else {
        run.node.clean_step = JsonObject::new();
    }
    forget_steps(&mut run.node);
    run.raise(end_event(&run.node, run.op.kind))?;
    run.finish().await
}

/// A cleaned node becomes available, but a retired one, or one cleaned by hand, only manageable.
pub(super) fn end_event(node: &Node, kind: OperationKind) -> Event {
    let by_hand = node.target_provision_state == Some(ProvisionState::Manageable);
    if kind != OperationKind::Service && (by_hand || node.retired) {
        Event::Manage
    } else {
        Event::Done
    }
}

/// The steps that somebody wrote down: the operator for this cleaning, or a runbook for every automated one.
fn wanted(operation: &Operation) -> Option<&Value> {
    let args = &operation.args;
    args.get(WANTED)
        .or_else(|| args.get(cleaning_runbook::STEPS))
}

fn read_wanted(wanted: &Value) -> Result<Vec<JsonObject>> {
    serde_json::from_value(wanted.clone())
        .map_err(|error| Error::invalid("The steps are not a list of objects.").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retired_nodes_and_manual_cleanings_end_manageable() {
        let clean = |target, retired| {
            let node = Node {
                provision_state: ProvisionState::Cleaning,
                target_provision_state: Some(target),
                retired,
                ..Node::default()
            };
            end_event(&node, OperationKind::Clean)
        };
        assert_eq!(clean(ProvisionState::Available, false), Event::Done);
        assert_eq!(clean(ProvisionState::Available, true), Event::Manage);
        assert_eq!(clean(ProvisionState::Manageable, false), Event::Manage);
        let serviced = Node {
            retired: true,
            ..Node::default()
        };
        assert_eq!(end_event(&serviced, OperationKind::Service), Event::Done);
    }

    #[test]
    fn the_node_overrides_the_configuration_on_cleaning() {
        let config = |automated_clean| Config {
            automated_clean,
            ..Config::default()
        };
        let node = |automated_clean| Node {
            automated_clean,
            ..Node::default()
        };
        assert!(!skips_cleaning(&node(None), &config(true)));
        assert!(skips_cleaning(&node(None), &config(false)));
        assert!(skips_cleaning(&node(Some(false)), &config(true)));
        assert!(!skips_cleaning(&node(Some(true)), &config(false)));
    }
}
