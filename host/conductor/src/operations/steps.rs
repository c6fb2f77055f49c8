//! Which steps run, and in what order: pure.
//!
//! What drivers offer, what the operator asks for, and the conductor's own steps (`power_on`, `power_off`, `reboot`, `hold`,
//! `wait`) become one list that goes into the journal.

use ironbark_model::operation::PlannedStep;
use ironbark_model::step::{OnInterrupt, ReservedStep, Step};
use ironbark_model::{Error, InterfaceKind, JsonObject, Result};
use serde::Deserialize as _;
use serde_json::Value;

/// Longest that a `wait` step may keep the conductor waiting, in seconds.
pub(crate) const MAX_WAIT_SECONDS: u64 = 30;

/// Name of the implementation of a step that the conductor runs itself.
pub(crate) const CONDUCTOR: &str = "conductor";

/// The core step of a deployment: what [`deployment`] won't let anybody switch on or move.
pub(crate) const CORE_DEPLOY_STEP: (InterfaceKind, &str) = (InterfaceKind::Deploy, "deploy");

/// What runs by itself (automated cleaning, verification): the driver's steps with a priority, highest first.
pub(crate) fn enabled(offered: Vec<PlannedStep>) -> Vec<PlannedStep> {
    let mut steps: Vec<PlannedStep> = offered
        .into_iter()
        .filter(|planned| planned.step.priority > 0)
        .collect();
    sort(&mut steps);
    steps
}

/// What the operator asked for (manual cleaning, service), in the order given.
pub(crate) fn requested(
    offered: &[PlannedStep],
    wanted: &[JsonObject],
) -> Result<Vec<PlannedStep>> {
    wanted.iter().map(|wish| plan(offered, wish)).collect()
}

/// Refuses steps that need a ramdisk where the operator wants none.
pub(crate) fn check_without_ramdisk(steps: &[PlannedStep]) -> Result<()> {
    let needs_it = steps.iter().find(|planned| planned.step.requires_ramdisk);
    needs_it.map_or(Ok(()), |planned| {
        Err(Error::invalid(format!(
            "The step {} needs the deploy ramdisk: leave out disable_ramdisk, or the step.",
            planned.step.full_name()
        )))
    })
}

/// A deployment's steps: the driver's, changed and added to by the operator's, highest priority first.
pub(crate) fn deployment(
    offered: Vec<PlannedStep>,
    wanted: &[JsonObject],
) -> Result<Vec<PlannedStep>> {
    let mut steps = enabled(offered.clone());
    let mut named: Vec<(InterfaceKind, String)> = Vec::new();
    for wish in wanted {
        let mut planned = plan(&offered, wish)?;
        let name = (planned.step.interface, planned.step.step.clone());
        let priority = read_priority(wish)?;
        if (name.0, name.1.as_str()) == CORE_DEPLOY_STEP && priority > 0 {
            return Err(Error::invalid(
                "The core deploy step deploy.deploy can't be given another priority than 0, which leaves it out.",
            ));
        }
        // Reserved steps may stand several times; others override the driver's.
        if planned.step.reserved().is_none() {
            if named.contains(&name) {
                return Err(Error::invalid(format!(
                    "The deploy step {} is given more than once.",
                    planned.step.full_name()
                )));
            }
            steps.retain(|other| (other.step.interface, &other.step.step) != (name.0, &name.1));
            named.push(name);
        }
        if priority > 0 {
            planned.step.priority = priority;
            steps.push(planned);
        }
    }
    sort(&mut steps);
    Ok(steps)
}

/// What a step that an operation runs on its node's children is on one of them, whose drivers offer these.
pub(crate) fn on_child(offered: &[PlannedStep], step: &Step) -> Result<PlannedStep> {
    plan_own(offered, step.interface, &step.step, step.args.clone())
}

/// `seconds` of a `wait` step; `None` means until the agent's next heartbeat.
pub(crate) fn wait_seconds(args: &JsonObject) -> Result<Option<u32>> {
    match args.get("seconds") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => whole_number(value)
            .filter(|seconds| *seconds <= MAX_WAIT_SECONDS)
            .and_then(|seconds| u32::try_from(seconds).ok())
            .map(Some)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "A wait step's seconds are a whole number from 0 to {MAX_WAIT_SECONDS}."
                ))
            }),
    }
}

fn plan(offered: &[PlannedStep], wish: &JsonObject) -> Result<PlannedStep> {
    let interface: InterfaceKind = text(wish, "interface")?.parse()?;
    let name = text(wish, "step")?;
    let args = match wish.get("args") {
        None | Some(Value::Null) => JsonObject::new(),
        Some(Value::Object(args)) => args.clone(),
        Some(_) => return Err(Error::invalid("A step's args are an object.")),
    };
    match children(wish)? {
        Some(limit) => for_children(interface, name, args, limit),
        None => plan_own(offered, interface, name, args),
    }
}

/// A step of the node itself.
fn plan_own(
    offered: &[PlannedStep],
    interface: InterfaceKind,
    name: &str,
    args: JsonObject,
) -> Result<PlannedStep> {
    if let Some(planned) = reserved(interface, name, &args)? {
        return Ok(planned);
    }
    let mut planned = offered
        .iter()
        .find(|planned| planned.step.interface == interface && planned.step.step == name)
        .cloned()
        .ok_or_else(|| {
            Error::invalid(format!(
                "The node's drivers have no step {interface}.{name}. They have: {}.",
                names(offered)
            ))
        })?;
    check_args(&planned.step, &args)?;
    planned.step.args = args;
    Ok(planned)
}

/// A step that the conductor hands to the node's children. What they make of it their own drivers say.
fn for_children(
    interface: InterfaceKind,
    name: &str,
    args: JsonObject,
    limit: Vec<String>,
) -> Result<PlannedStep> {
    let step = Step {
        execute_on_child_nodes: true,
        limit_child_node_execution: limit,
        ..own(interface, name, args)
    };
    let stands_still = match step.reserved() {
        Some(ReservedStep::Hold) => true,
        Some(ReservedStep::Wait) => wait_seconds(&step.args)?.is_none(),
        _ => false,
    };
    if stands_still {
        return Err(Error::invalid(format!(
            "The step {name} can't run on child nodes: they are not held, and no agent of theirs is waited for. Leave out \
             execute_on_child_nodes to have the node itself do it, or give a wait step its seconds."
        )));
    }
    Ok(PlannedStep {
        step,
        // How far it is stands in the journal, and each child has one of its own.
        on_interrupt: OnInterrupt::Resume,
        implementation: CONDUCTOR.to_owned(),
    })
}

/// On which children a step is to run, if on any: empty means all.
fn children(wish: &JsonObject) -> Result<Option<Vec<String>>> {
    let wanted = matches!(wish.get("execute_on_child_nodes"), Some(Value::Bool(true)));
    let limit = match wish.get("limit_child_node_execution") {
        None | Some(Value::Null) => Vec::new(),
        Some(limit) => Vec::<String>::deserialize(limit).map_err(|error| {
            Error::invalid("limit_child_node_execution is a list of node UUIDs.").caused_by(error)
        })?,
    };
    if wanted {
        return Ok(Some(limit));
    }
    if limit.is_empty() {
        return Ok(None);
    }
    Err(Error::invalid(
        "limit_child_node_execution goes with execute_on_child_nodes: true.",
    ))
}

/// A step that the conductor itself runs.
fn own(interface: InterfaceKind, name: &str, args: JsonObject) -> Step {
    Step {
        interface,
        step: name.to_owned(),
        args,
        priority: 0,
        abortable: true,
        requires_ramdisk: false,
        argsinfo: None,
        abort_after: false,
        execute_on_child_nodes: false,
        limit_child_node_execution: Vec::new(),
    }
}

fn reserved(
    interface: InterfaceKind,
    name: &str,
    args: &JsonObject,
) -> Result<Option<PlannedStep>> {
    let step = own(interface, name, args.clone());
    let Some(kind) = step.reserved() else {
        return Ok(None);
    };
    let known: &[&str] = if kind == ReservedStep::Wait {
        &["seconds"]
    } else {
        &[]
    };
    if let Some(key) = args.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Error::invalid(format!(
            "The step {name} has no argument {key}."
        )));
    }
    wait_seconds(args)?;
    Ok(Some(PlannedStep {
        step,
        on_interrupt: OnInterrupt::Resume,
        implementation: CONDUCTOR.to_owned(),
    }))
}

fn check_args(step: &Step, args: &JsonObject) -> Result<()> {
    let empty = JsonObject::new();
    let known = step.argsinfo.as_ref().unwrap_or(&empty);
    if let Some(unknown) = args.keys().find(|key| !known.contains_key(*key)) {
        return Err(Error::invalid(format!(
            "The step {} has no argument {unknown}.",
            step.full_name()
        )));
    }
    let missing = known.iter().find(|(key, info)| {
        info.get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false)
            && !args.contains_key(*key)
    });
    match missing {
        Some((key, _)) => Err(Error::missing(format!(
            "The step {} needs the argument {key}.",
            step.full_name()
        ))),
        None => Ok(()),
    }
}

fn read_priority(wish: &JsonObject) -> Result<u32> {
    wish.get("priority")
        .and_then(whole_number)
        .and_then(|priority| u32::try_from(priority).ok())
        .ok_or_else(|| Error::invalid("A deploy step needs a priority, a whole number from 0."))
}

fn text<'a>(wish: &'a JsonObject, key: &str) -> Result<&'a str> {
    wish.get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::invalid(format!("A step needs the key {key}, a text.")))
}

fn whole_number(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn names(steps: &[PlannedStep]) -> String {
    if steps.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = steps
        .iter()
        .map(|planned| planned.step.full_name())
        .collect();
    names.join(", ")
}

fn sort(steps: &mut [PlannedStep]) {
    steps.sort_by_key(|planned| {
        (
            std::cmp::Reverse(planned.step.priority),
            std::cmp::Reverse(planned.step.interface.step_rank()),
        )
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn offer(name: &str, priority: u32, argsinfo: Value) -> PlannedStep {
        let (interface, step) = name.split_once('.').unwrap();
        PlannedStep {
            step: serde_json::from_value(json!({
                "interface": interface, "step": step, "priority": priority, "argsinfo": argsinfo,
            }))
            .unwrap(),
            on_interrupt: OnInterrupt::Rerun,
            implementation: "fake".into(),
        }
    }

    fn wishes(value: Value) -> Vec<JsonObject> {
        serde_json::from_value(value).unwrap()
    }

    fn names_of(steps: &[PlannedStep]) -> Vec<String> {
        steps
            .iter()
            .map(|planned| planned.step.full_name())
            .collect()
    }

    #[test]
    fn by_itself_runs_what_has_a_priority_highest_first_then_by_interface() {
        let steps = enabled(vec![
            offer("deploy.b", 10, json!(null)),
            offer("deploy.off", 0, json!(null)),
            offer("vendor.c", 10, json!(null)),
            offer("raid.a", 99, json!(null)),
        ]);
        assert_eq!(names_of(&steps), ["raid.a", "vendor.c", "deploy.b"]);
    }

    #[test]
    fn the_operators_list_keeps_its_order_and_may_have_reserved_steps() {
        let offered = [
            offer("deploy.erase", 10, json!(null)),
            offer("bios.set", 0, json!({"a": {"description": "d"}})),
        ];
        let steps = requested(
            &offered,
            &wishes(json!([
                {"interface": "bios", "step": "set", "args": {"a": 1}},
                {"interface": "power", "step": "power_off"},
                {"interface": "deploy", "step": "wait", "args": {"seconds": "5"}},
                {"interface": "deploy", "step": "erase"}
            ])),
        )
        .unwrap();
        assert_eq!(
            names_of(&steps),
            ["bios.set", "power.power_off", "deploy.wait", "deploy.erase"]
        );
        assert_eq!(steps[0].step.args["a"], json!(1));
        assert_eq!(steps[1].implementation, CONDUCTOR);
        assert_eq!(steps[1].on_interrupt, OnInterrupt::Resume);
    }

    #[test]
    fn wrong_wishes_are_refused_with_what_is_wrong() {
        let offered = [
            offer("deploy.erase", 10, json!(null)),
            offer(
                "bios.set",
                0,
                json!({"a": {"description": "d", "required": true}}),
            ),
        ];
        for (wish, word) in [
            (
                json!({"interface": "deploy", "step": "nonesuch"}),
                "nonesuch",
            ),
            (
                json!({"interface": "deploy", "step": "erase", "args": {"x": 1}}),
                "no argument x",
            ),
            (
                json!({"interface": "bios", "step": "set"}),
                "needs the argument a",
            ),
            (json!({"step": "erase"}), "interface"),
            (
                json!({"interface": "nonesuch", "step": "erase"}),
                "nonesuch",
            ),
            (
                json!({"interface": "deploy", "step": "wait", "args": {"seconds": 31}}),
                "30",
            ),
            (
                json!({"interface": "deploy", "step": "hold", "args": {"x": 1}}),
                "no argument x",
            ),
            (
                json!({"interface": "deploy", "step": "hold", "execute_on_child_nodes": true}),
                "can't run on child nodes",
            ),
            (
                json!({"interface": "deploy", "step": "wait", "execute_on_child_nodes": true}),
                "can't run on child nodes",
            ),
            (
                json!({"interface": "deploy", "step": "erase", "limit_child_node_execution": ["c"]}),
                "execute_on_child_nodes",
            ),
        ] {
            let error = requested(&offered, &wishes(json!([wish]))).unwrap_err();
            assert!(error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn what_runs_on_children_is_not_asked_of_the_node() {
        let wish = |step: &str| {
            json!([{
                "interface": "bios", "step": step, "args": {"seconds": 1},
                "execute_on_child_nodes": true, "limit_child_node_execution": ["c"],
            }])
        };
        let steps = requested(&[], &wishes(wish("set"))).unwrap();
        let step = &steps[0].step;
        assert!(step.execute_on_child_nodes && !step.requires_ramdisk);
        assert_eq!(step.limit_child_node_execution, ["c"]);
        assert_eq!(steps[0].implementation, CONDUCTOR);
        assert!(requested(&[], &wishes(wish("wait"))).is_ok());

        // On a child it is what the child's drivers offer.
        let offered = [offer(
            "bios.set",
            0,
            json!({"seconds": {"description": "d"}}),
        )];
        let on_child = on_child(&offered, step).unwrap();
        assert!(!on_child.step.execute_on_child_nodes);
        assert_eq!(on_child.implementation, "fake");
        assert!(super::on_child(&[], step).is_err());
    }

    #[test]
    fn a_deployment_is_the_drivers_steps_as_the_operator_changed_them() {
        let offered = || {
            vec![
                offer("deploy.deploy", 100, json!(null)),
                offer("deploy.boot", 20, json!(null)),
                offer("raid.make", 0, json!({"level": {"description": "d"}})),
            ]
        };
        let steps = deployment(
            offered(),
            &wishes(json!([
                {"interface": "raid", "step": "make", "args": {"level": 1}, "priority": "150"},
                {"interface": "deploy", "step": "boot", "args": {}, "priority": 0},
                {"interface": "deploy", "step": "hold", "args": {}, "priority": 50}
            ])),
        )
        .unwrap();
        assert_eq!(
            names_of(&steps),
            ["raid.make", "deploy.deploy", "deploy.hold"]
        );
        let moved = json!([{"interface": "deploy", "step": "deploy", "args": {}, "priority": 5}]);
        assert!(deployment(offered(), &wishes(moved)).is_err());
        let twice = json!([
            {"interface": "raid", "step": "make", "args": {}, "priority": 5},
            {"interface": "raid", "step": "make", "args": {}, "priority": 6}
        ]);
        assert!(deployment(offered(), &wishes(twice)).is_err());
    }

    proptest! {
        #[test]
        fn what_runs_by_itself_is_sorted_and_complete(priorities in proptest::collection::vec((0u32..5, 0usize..13), 0..20)) {
            let offered: Vec<PlannedStep> = priorities.iter().enumerate().map(|(index, (priority, interface))| {
                let kind = InterfaceKind::ALL[*interface];
                offer(&format!("{kind}.s{index}"), *priority, json!(null))
            }).collect();
            let steps = enabled(offered.clone());
            prop_assert_eq!(steps.len(), offered.iter().filter(|planned| planned.step.priority > 0).count());
            for pair in steps.windows(2) {
                let key = |planned: &PlannedStep| (planned.step.priority, planned.step.interface.step_rank());
                prop_assert!(key(&pair[0]) >= key(&pair[1]));
            }
        }
    }
}
