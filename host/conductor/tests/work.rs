//! The verbs from request to end, with the real test drivers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::Duration;

use common::{World, kind};
use ironbark_model::node::fault;
use ironbark_model::{ErrorKind, PowerState, PowerTarget, ProvisionState as S, Timestamp, Verb};
use ironbark_rpc::{Reply, Request, TraitChange, VendorCall};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_fake_node_goes_the_whole_way_and_back() {
    let world = World::start().await;
    let node = world.fake_node().await;
    assert_eq!(node.power_interface.as_deref(), Some("fake"));
    assert_eq!(node.network_interface.as_deref(), Some("noop"));

    assert_eq!(node.provision_updated_at, None, "it was never moved");

    let node = world.manage(&node.uuid).await;
    assert_eq!(node.power_state, Some(PowerState::Off));
    assert_eq!(node.target_provision_state, None);
    assert!(node.provision_updated_at.is_some());

    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    let accepted = world.node(&node.uuid).await;
    assert!(matches!(
        accepted.provision_state,
        S::Cleaning | S::Available
    ));
    let node = world.settled(&node.uuid, S::Available).await;
    assert!(node.clean_step.is_empty() && node.driver_internal_info.is_empty());

    world
        .provision(
            &node.uuid,
            Verb::Deploy,
            json!({"configdrive": {"user_data": "x"}}),
        )
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Active).await;
    assert_eq!(node.conductor_affinity.as_deref(), Some("conductor-1"));
    // An image, compressed, in base64.
    let drive = node.instance_info["configdrive"].as_str().unwrap();
    assert!(drive.starts_with("H4sI"), "{drive}");
    assert!(node.deploy_step.is_empty() && node.last_error.is_none());

    world
        .provision(&node.uuid, Verb::Rebuild, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;

    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Available).await;
    assert!(node.instance_info.is_empty());

    let events: Vec<String> = world
        .history(&node.uuid)
        .await
        .into_iter()
        .map(|entry| entry.event_type)
        .collect();
    assert!(events.contains(&"cleaning".to_owned()) && events.contains(&"deploying".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn power_is_switched_and_restarted() {
    let world = World::start().await;
    let node = world.fake_node().await;
    world.manage(&node.uuid).await;
    for (target, reached) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::On, PowerState::On),
        (PowerTarget::Reboot, PowerState::On),
        (PowerTarget::SoftReboot, PowerState::On),
        (PowerTarget::SoftOff, PowerState::Off),
        (PowerTarget::Reboot, PowerState::On),
        (PowerTarget::Off, PowerState::Off),
    ] {
        world.power(&node.uuid, target).await.unwrap();
        let node = world.power_settled(&node.uuid).await;
        assert_eq!(
            (node.power_state, node.last_error),
            (Some(reached), None),
            "{target}"
        );
    }
    let native = world
        .test_node(json!({}), json!({"power_interface": "test-reboot"}))
        .await;
    world.manage(&native.uuid).await;
    world
        .power(&native.uuid, PowerTarget::Reboot)
        .await
        .unwrap();
    world.power_settled(&native.uuid).await;
    assert_eq!(world.notes(&native.uuid).await["reboots"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_change_that_fails_says_so_and_leaves_no_target() {
    let world = World::start().await;
    let broken = world
        .test_node(
            json!({"fake_fail": {"set_power_state": "unreachable"}}),
            json!({}),
        )
        .await;
    world.manage(&broken.uuid).await;
    world.power(&broken.uuid, PowerTarget::On).await.unwrap();
    let node = world.power_settled(&broken.uuid).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("power on") && error.contains("failing as asked"),
        "{error}"
    );
    assert_eq!(node.power_state, Some(PowerState::Off));

    // The BMC accepts, and does nothing.
    let deaf = world
        .test_node(
            json!({"fake_fail": {"set_power_state": "ignore"}}),
            json!({}),
        )
        .await;
    world.manage(&deaf.uuid).await;
    world
        .ask(Request::ChangePowerState {
            node: deaf.uuid.clone(),
            target: PowerTarget::On,
            timeout: Some(1),
        })
        .await
        .unwrap();
    let node = world.power_settled(&deaf.uuid).await;
    assert!(node.last_error.unwrap().contains("within 1 s"));

    // A trap is the driver's fault, and ends like any error.
    let trapping = world
        .test_node(json!({"fake_fail": {"set_power_state": "trap"}}), json!({}))
        .await;
    world.manage(&trapping.uuid).await;
    world.power(&trapping.uuid, PowerTarget::On).await.unwrap();
    assert!(
        world
            .power_settled(&trapping.uuid)
            .await
            .last_error
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_can_not_be_verified_stays_enrolled() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_fail": {"get_power_state": "auth-failed"}}),
            json!({}),
        )
        .await;
    world
        .provision(&node.uuid, Verb::Manage, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Enroll).await;
    assert!(node.last_error.unwrap().contains("failing as asked"));

    // A check that fails is named, though all checks run.
    let node = world
        .test_node(json!({"fake_fail": {"check": "failed"}}), json!({}))
        .await;
    world
        .provision(&node.uuid, Verb::Manage, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Enroll).await;
    assert!(node.last_error.unwrap().contains("management.check"));
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_cleaning_runs_what_was_asked_and_ends_manageable() {
    let world = World::start().await;
    let node = world.test_node(json!({"fake_step_ms": 1}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [
        {"interface": "power", "step": "power_on"},
        {"interface": "deploy", "step": "resume", "args": {"ms": 3}},
        {"interface": "deploy", "step": "wait", "args": {"seconds": 0}},
        {"interface": "power", "step": "reboot"},
        {"interface": "deploy", "step": "quick"}
    ]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(node.power_state, Some(PowerState::On));
    let notes = world.notes(&node.uuid).await;
    assert_eq!(
        (
            &notes["finished resume"],
            &notes["parts resume"],
            &notes["finished quick"]
        ),
        (&json!(1), &json!(3), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_step_that_fails_puts_the_node_into_maintenance() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "fail", "args": {"how": "failed"}}]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    assert_eq!(node.target_provision_state, Some(S::Manageable));
    assert_eq!(node.fault.as_deref(), Some(fault::CLEAN_FAILURE));
    assert!(node.maintenance && node.last_error.unwrap().contains("deploy.fail"));

    // An unknown step fails before any step ran: no maintenance.
    let other = world.test_node(json!({}), json!({})).await;
    world.manage(&other.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "nonesuch"}]});
    world
        .provision(&other.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    let other = world.settled(&other.uuid, S::CleanFailed).await;
    assert!(!other.maintenance && other.last_error.unwrap().contains("nonesuch"));
    world.manage_again(&other.uuid).await;
}

impl World {
    async fn manage_again(&self, uuid: &str) {
        self.provision(uuid, Verb::Manage, json!({})).await.unwrap();
        self.settled(uuid, S::Manageable).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_waits_without_holding_the_node_and_goes_on() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_rounds": 2, "fake_poll_seconds": 1}),
            json!({"deploy_interface": "test-wait"}),
        )
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Provide, json!({}))
        .await
        .unwrap();
    let waiting = world
        .until(&node.uuid, "clean wait", |node| {
            node.provision_state == S::CleanWait && node.reservation.is_none()
        })
        .await;
    assert_eq!(waiting.clean_step["step"], json!("poll"));
    let operation = world.db.operation_of(&node.uuid).await.unwrap().unwrap();
    assert!(operation.wait.unwrap().message.unwrap().contains("round"));
    world.settled(&node.uuid, S::Available).await;
    assert_eq!(world.notes(&node.uuid).await["parts poll"], json!(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_past_its_own_deadline_fails_and_is_named() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "wait_external", "args": {"deadline": 1}}]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    assert!(node.last_error.unwrap().contains("deploy.wait_external"));
    assert!(node.maintenance);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_work_is_aborted_now_or_after_its_step() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = || json!({"clean_steps": [{"interface": "deploy", "step": "wait_agent"}]});
    world
        .provision(&node.uuid, Verb::Clean, steps())
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    assert_eq!(
        world.node(&node.uuid).await.provision_state,
        S::CleanFailed,
        "with the answer"
    );
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    assert_eq!(node.target_provision_state, Some(S::Manageable));
    assert!(!node.maintenance && node.last_error.unwrap().contains("By request"));

    // `resume` of test-wait's automated cleaning is not abortable: it ends first. Here the step `wait` of deployment is.
    let deploying = world
        .test_node(
            json!({"fake_rounds": 1, "fake_poll_seconds": 600}),
            json!({"deploy_interface": "test-wait", "automated_clean": false}),
        )
        .await;
    world.provide(&deploying.uuid).await;
    world
        .provision(&deploying.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&deploying.uuid, S::WaitCallBack).await;
    world
        .provision(&deploying.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    let deploying = world.settled(&deploying.uuid, S::DeployFailed).await;
    assert!(deploying.last_error.unwrap().contains("aborted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_can_not_be_aborted_ends_first_and_is_the_last_one() {
    let world = World::start().await;
    let info = json!({"fake_rounds": 1, "fake_poll_seconds": 1});
    let node = world.test_node(info, json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [
        {"interface": "deploy", "step": "poll_on"}, {"interface": "deploy", "step": "quick"},
    ]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    let waiting = world.node(&node.uuid).await;
    assert_eq!(waiting.clean_step["abort_after"], json!(true));
    let node = world.settled(&node.uuid, S::CleanFailed).await;
    let error = node.last_error.unwrap();
    assert!(
        error.contains("aborted after the step deploy.poll_on"),
        "{error}"
    );
    assert!(!node.maintenance, "the step ended well");
    let notes = world.notes(&node.uuid).await;
    assert_eq!(notes["finished poll_on"], json!(1));
    assert!(!notes.contains_key("started quick"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_last_step_is_not_aborted_ends_well() {
    let world = World::start().await;
    let info = json!({"fake_rounds": 1, "fake_poll_seconds": 1});
    let node = world.test_node(info, json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [
        {"interface": "deploy", "step": "quick"}, {"interface": "deploy", "step": "poll_on"},
    ]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world.settled(&node.uuid, S::CleanWait).await;
    world
        .provision(&node.uuid, Verb::Abort, json!({}))
        .await
        .unwrap();
    let waiting = world.node(&node.uuid).await;
    assert_eq!(waiting.clean_step["abort_after"], json!(true));
    let node = world.settled(&node.uuid, S::Manageable).await;
    assert_eq!((node.last_error, node.maintenance), (None, false));
    assert_eq!(world.notes(&node.uuid).await["finished poll_on"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_step_switches_nothing_off_that_must_not_be() {
    let world = World::start().await;
    let reboot = async |power: &str, end| {
        let fields = json!({"power_interface": power, "disable_power_off": true});
        let node = world.test_node(json!({}), fields).await;
        world.manage(&node.uuid).await;
        let steps = json!({"clean_steps": [{"interface": "power", "step": "reboot"}]});
        world
            .provision(&node.uuid, Verb::Clean, steps)
            .await
            .unwrap();
        world.settled(&node.uuid, end).await
    };
    let node = reboot("test-reboot", S::Manageable).await;
    assert_eq!(node.power_state, Some(PowerState::On));
    assert_eq!(world.notes(&node.uuid).await["reboots"], json!(1));
    // Its driver can't do it in one go.
    let node = reboot("fake-slow", S::CleanFailed).await;
    assert!(node.last_error.unwrap().contains("disable_power_off"));
    assert!(!world.notes(&node.uuid).await.contains_key("power_state"));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_says_who_asked_and_how_long_it_took() {
    let world = World::start().await;
    let node = world
        .test_node(json!({"fake_step_ms": 1100}), json!({}))
        .await;
    world.manage(&node.uuid).await;
    let clean = |step: &str, args: Value| Request::Provision {
        node: node.uuid.clone(),
        verb: Verb::Clean,
        args: serde_json::from_value(
            json!({"clean_steps": [{"interface": "deploy", "step": step, "args": args}]}),
        )
        .unwrap(),
    };
    let sleep = clean("sleep", json!({}));
    world.ask_as("ada", sleep).await.unwrap();
    world.settled(&node.uuid, S::Manageable).await;
    let fail = clean("fail", json!({"how": "failed"}));
    world.ask_as("grace", fail).await.unwrap();
    world.settled(&node.uuid, S::CleanFailed).await;
    let entries = world.history(&node.uuid).await;
    let said: Vec<(&str, Option<&str>, bool)> = entries
        .iter()
        .filter(|entry| entry.event_type == "cleaning")
        .map(|entry| {
            let text = entry.event.split(':').next().unwrap();
            let timed = entry.duration_seconds.is_some();
            (text, entry.user.as_deref(), timed)
        })
        .collect();
    let failed = "Failed to run the clean step deploy.fail";
    for expected in [
        ("Started", Some("ada"), false),
        ("Finished", Some("ada"), true),
        ("Started", Some("grace"), false),
        (failed, Some("grace"), true),
    ] {
        assert!(said.contains(&expected), "{expected:?} in {said:?}");
    }
    let finished = entries.iter().find(|e| e.event.starts_with("Finished"));
    assert!((1..60).contains(&finished.unwrap().duration_seconds.unwrap()));

    // What waits and is given up: who gave it up. What nobody is known for: nobody.
    let other = world.test_node(json!({}), json!({})).await;
    world.manage(&other.uuid).await;
    let wait = json!({"clean_steps": [{"interface": "deploy", "step": "wait_agent"}]});
    world
        .provision(&other.uuid, Verb::Clean, wait)
        .await
        .unwrap();
    world.settled(&other.uuid, S::CleanWait).await;
    let abort = Request::Provision {
        node: other.uuid.clone(),
        verb: Verb::Abort,
        args: ironbark_rpc::ProvisionArgs::default(),
    };
    world.ask_as("grace", abort).await.unwrap();
    world.settled(&other.uuid, S::CleanFailed).await;
    let entries = world.history(&other.uuid).await;
    let user_of = |severity: &str| {
        let found = entries
            .iter()
            .find(|e| e.severity == severity && e.event_type == "cleaning");
        found.unwrap().user.as_deref()
    };
    assert_eq!((user_of("INFO"), user_of("ERROR")), (None, Some("grace")));

    // A change of power and what it takes along.
    let power = world
        .test_node(
            json!({"fake_fail": {"set_power_state": "failed"}}),
            json!({}),
        )
        .await;
    world.manage(&power.uuid).await;
    let on = Request::ChangePowerState {
        node: power.uuid.clone(),
        target: PowerTarget::On,
        timeout: None,
    };
    world.ask_as("ada", on).await.unwrap();
    world.power_settled(&power.uuid).await;
    let entries = world.history(&power.uuid).await;
    let failed = entries.iter().find(|e| e.event_type == "power").unwrap();
    assert_eq!(failed.user.as_deref(), Some("ada"));
    assert!(failed.duration_seconds.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_node_goes_on_when_it_is_let_go() {
    let world = World::start().await;
    let node = world.test_node(json!({}), json!({})).await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "hold"}, {"interface": "deploy", "step": "quick"}]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world
        .until(&node.uuid, "hold", |node| {
            node.provision_state == S::CleanHold && node.reservation.is_none()
        })
        .await;
    assert!(!world.notes(&node.uuid).await.contains_key("finished quick"));
    world
        .provision(&node.uuid, Verb::Unhold, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(world.notes(&node.uuid).await["finished quick"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn power_changes_while_an_operation_waits_and_it_waits_on() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_fail": {"reboot": "failed"}}),
            json!({"power_interface": "test-reboot"}),
        )
        .await;
    world.manage(&node.uuid).await;
    let steps = json!({"clean_steps": [{"interface": "deploy", "step": "hold"}, {"interface": "deploy", "step": "quick"}]});
    world
        .provision(&node.uuid, Verb::Clean, steps)
        .await
        .unwrap();
    world
        .until(&node.uuid, "hold", |node| {
            node.provision_state == S::CleanHold && node.reservation.is_none()
        })
        .await;
    let waiting = world.db.operation_of(&node.uuid).await.unwrap().unwrap();
    for target in [PowerTarget::On, PowerTarget::Off] {
        world.power(&node.uuid, target).await.unwrap();
        let after = world.power_settled(&node.uuid).await;
        assert_eq!(after.power_state, Some(target.reached()));
        assert_eq!(after.provision_state, S::CleanHold);
        let still = world.db.operation_of(&node.uuid).await.unwrap();
        assert_eq!(still.as_ref(), Some(&waiting));
    }
    // One that fails leaves it waiting too.
    world.power(&node.uuid, PowerTarget::Reboot).await.unwrap();
    let after = world.power_settled(&node.uuid).await;
    assert!(after.last_error.unwrap().contains("rebooting"));
    let still = world.db.operation_of(&node.uuid).await.unwrap();
    assert_eq!(still.as_ref(), Some(&waiting));
    world
        .provision(&node.uuid, Verb::Unhold, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Manageable).await;
    assert_eq!(world.notes(&node.uuid).await["finished quick"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_deployment_can_be_deleted() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_rounds": 1, "fake_poll_seconds": 600}),
            json!({"deploy_interface": "test-wait", "automated_clean": false}),
        )
        .await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::WaitCallBack).await;
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Available).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deployment_is_cleaned_up_and_can_be_tried_again() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_fail": {"deploy": "failed"}, "fake_step_ms": 1}),
            json!({"automated_clean": false}),
        )
        .await;
    world.provide(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Deploy, json!({}))
        .await
        .unwrap();
    let failed = world.settled(&node.uuid, S::DeployFailed).await;
    assert!(failed.last_error.unwrap().contains("deploy.deploy"));
    assert!(!failed.maintenance && failed.deploy_step.is_empty());
    world
        .patch(
            &node.uuid,
            json!([{"op": "remove", "path": "/driver_info/fake_fail"}]),
        )
        .await
        .unwrap();
    world.provision(&node.uuid, Verb::Deploy, json!({"deploy_steps": [{"interface": "deploy", "step": "quick", "args": {}, "priority": 30}]})).await.unwrap();
    let node = world.settled(&node.uuid, S::Active).await;
    assert!(node.last_error.is_none());
    assert_eq!(world.notes(&node.uuid).await["finished quick"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn adoption_service_and_a_failed_tear_down() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_step_ms": 1}),
            json!({"automated_clean": false}),
        )
        .await;
    world.manage(&node.uuid).await;
    world
        .provision(&node.uuid, Verb::Adopt, json!({}))
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    let steps = json!({"service_steps": [{"interface": "deploy", "step": "quick"}]});
    world
        .provision(&node.uuid, Verb::Service, steps)
        .await
        .unwrap();
    world.settled(&node.uuid, S::Active).await;
    assert_eq!(world.notes(&node.uuid).await["finished quick"], json!(1));
    world
        .patch(
            &node.uuid,
            json!([
                {"op": "add", "path": "/driver_info/fake_fail", "value": {"tear_down": "failed"}},
                {"op": "add", "path": "/instance_info/root_gb", "value": 10}
            ]),
        )
        .await
        .unwrap();
    world
        .provision(&node.uuid, Verb::Delete, json!({}))
        .await
        .unwrap();
    let node = world.settled(&node.uuid, S::Error).await;
    assert!(node.instance_info.is_empty() && node.last_error.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_fail": {"validate": "missing-parameter"}}),
            json!({}),
        )
        .await;
    let before = world.node(&node.uuid).await;
    assert_eq!(
        kind(world.provision(&node.uuid, Verb::Provide, json!({})).await),
        Some(ErrorKind::InvalidState)
    );
    assert_eq!(
        kind(world.provision(&node.uuid, Verb::Rescue, json!({})).await),
        Some(ErrorKind::InvalidState)
    );
    assert_eq!(
        kind(world.power(&node.uuid, PowerTarget::On).await),
        Some(ErrorKind::MissingParameter)
    );
    assert_eq!(
        kind(world.power("no-such-node", PowerTarget::On).await),
        Some(ErrorKind::NotFound)
    );
    let after = world.node(&node.uuid).await;
    assert_eq!(
        (before.provision_state, before.updated_at, after.reservation),
        (after.provision_state, after.updated_at, None)
    );

    // Without a deploy interface that deploys, `active` is refused as a whole.
    let fields = json!({"deploy_interface": "no-deploy", "automated_clean": false});
    let node = world.create("fake-hardware", json!({}), fields).await;
    let before = world.provide(&node.uuid).await;
    assert_eq!(
        kind(world.provision(&node.uuid, Verb::Deploy, json!({})).await),
        Some(ErrorKind::Unsupported)
    );
    let after = world.node(&node.uuid).await;
    assert_eq!(
        (after.provision_state, after.updated_at, after.reservation),
        (S::Available, before.updated_at, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_worked_on_is_locked() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"set_power_state": 700}}),
            json!({}),
        )
        .await;
    world.manage(&node.uuid).await;
    world.power(&node.uuid, PowerTarget::On).await.unwrap();
    let held = world.node(&node.uuid).await;
    assert_eq!(held.reservation.as_deref(), Some("conductor-1"));
    assert_eq!(held.target_power_state, Some(PowerState::On));
    let locked = Some(ErrorKind::NodeLocked);
    assert_eq!(
        kind(
            world
                .patch(
                    &node.uuid,
                    json!([{"op": "add", "path": "/extra/a", "value": 1}])
                )
                .await
        ),
        locked
    );
    // Not allowed here, and held: 409, so that clients try again.
    assert_eq!(
        kind(world.provision(&node.uuid, Verb::Deploy, json!({})).await),
        locked
    );
    let node = world.power_settled(&node.uuid).await;
    assert_eq!(node.power_state, Some(PowerState::On));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_changed_and_deleted_by_the_rules() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let changed = world
        .patch(
            &node.uuid,
            json!([{"op": "add", "path": "/extra/rack", "value": "r1"}]),
        )
        .await
        .unwrap();
    assert_eq!(
        (changed.extra["rack"].clone(), changed.reservation.clone()),
        (json!("r1"), None)
    );
    let unknown = json!([{"op": "replace", "path": "/power_interface", "value": "nonesuch"}]);
    assert_eq!(
        kind(world.patch(&node.uuid, unknown).await),
        Some(ErrorKind::InvalidParameter)
    );
    let unset = json!([{"op": "remove", "path": "/power_interface"}]);
    assert_eq!(
        world
            .patch(&node.uuid, unset)
            .await
            .unwrap()
            .power_interface
            .as_deref(),
        Some("fake")
    );
    let maintenance = |maintenance, reason: Option<&str>| Request::SetMaintenance {
        node: node.uuid.clone(),
        maintenance,
        reason: reason.map(str::to_owned),
    };
    world.ask(maintenance(true, Some("fan"))).await.unwrap();
    assert_eq!(
        world.node(&node.uuid).await.maintenance_reason.as_deref(),
        Some("fan")
    );
    world.ask(maintenance(false, None)).await.unwrap();
    assert_eq!(world.node(&node.uuid).await.maintenance_reason, None);

    world
        .ask(Request::SetTraits {
            node: node.uuid.clone(),
            change: TraitChange::Add("CUSTOM_A".into()),
        })
        .await
        .unwrap();
    assert_eq!(world.node(&node.uuid).await.traits, ["CUSTOM_A"]);

    let twice = ironbark_model::Node {
        uuid: node.uuid.clone(),
        driver: "fake-hardware".into(),
        ..Default::default()
    };
    assert_eq!(
        kind(
            world
                .ask(Request::CreateNode {
                    node: Box::new(twice)
                })
                .await
        ),
        Some(ErrorKind::Conflict)
    );
    let nonesuch = ironbark_model::Node {
        driver: "nonesuch".into(),
        ..Default::default()
    };
    assert_eq!(
        kind(
            world
                .ask(Request::CreateNode {
                    node: Box::new(nonesuch)
                })
                .await
        ),
        Some(ErrorKind::InvalidParameter)
    );

    world
        .ask(Request::DestroyNode {
            node: node.uuid.clone(),
        })
        .await
        .unwrap();
    assert_eq!(
        kind(
            world
                .ask(Request::DestroyNode {
                    node: node.uuid.clone()
                })
                .await
        ),
        Some(ErrorKind::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_management_and_vendor_calls_answer() {
    let world = World::start().await;
    let node = world.fake_node().await;
    let Reply::Json(answer) = world
        .ask(Request::Validate {
            node: node.uuid.clone(),
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(answer["power"], json!({"result": true}));
    assert_eq!(answer.as_object().unwrap().len(), 12);

    world
        .ask(Request::SetBootDevice {
            node: node.uuid.clone(),
            device: "pxe".into(),
            persistent: true,
        })
        .await
        .unwrap();
    let Reply::Json(device) = world
        .ask(Request::GetBootDevice {
            node: node.uuid.clone(),
        })
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(device, json!({"boot_device": "pxe", "persistent": true}));
    let wrong = Request::SetBootDevice {
        node: node.uuid.clone(),
        device: "tape".into(),
        persistent: true,
    };
    assert_eq!(
        kind(world.ask(wrong).await),
        Some(ErrorKind::InvalidParameter)
    );

    let call = |method: &str, http: &str, body: &str| Request::VendorPassthru {
        node: node.uuid.clone(),
        call: VendorCall {
            method: method.into(),
            http_method: http.into(),
            body: body.into(),
        },
    };
    let Reply::Vendor {
        is_async, result, ..
    } = world
        .ask(call("third_method_sync", "POST", r#"{"bar": "meow"}"#))
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!((is_async, result.as_str()), (false, "true"));
    assert_eq!(
        kind(world.ask(call("third_method_sync", "GET", "{}")).await),
        Some(ErrorKind::InvalidParameter)
    );
    assert_eq!(
        kind(world.ask(call("nonesuch", "POST", "{}")).await),
        Some(ErrorKind::InvalidParameter)
    );

    let test = world.test_node(json!({}), json!({})).await;
    let fail = Request::VendorPassthru {
        node: test.uuid.clone(),
        call: VendorCall {
            method: "fail_async".into(),
            http_method: "POST".into(),
            body: r#"{"how": "failed"}"#.into(),
        },
    };
    let Reply::Vendor { is_async, .. } = world.ask(fail).await.unwrap() else {
        panic!()
    };
    assert!(is_async);
    let node = world
        .until(&test.uuid, "an error", |node| {
            node.last_error.is_some() && node.reservation.is_none()
        })
        .await;
    assert!(node.last_error.unwrap().contains("fail_async"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_driver_is_called_for_a_client_that_waits_no_more() {
    let world = World::start().await;
    let node = world
        .test_node(
            json!({"fake_delay_ms": {"validate": 300}}),
            json!({"automated_clean": false}),
        )
        .await;
    world.manage(&node.uuid).await;
    // Nothing that the conductor does on the way may give the client more time than it has.
    let deadline = Timestamp::now().plus(Duration::from_millis(100));
    let change = Request::ChangePowerState {
        node: node.uuid.clone(),
        target: PowerTarget::On,
        timeout: None,
    };
    let refused = world.ask_until(deadline, change.clone()).await;
    assert_eq!(kind(refused), Some(ErrorKind::GatewayTimeout));
    let refused = world.ask_until(Timestamp(1), change).await;
    assert_eq!(kind(refused), Some(ErrorKind::GatewayTimeout));
    let node = world.node(&node.uuid).await;
    assert_eq!((node.target_power_state, node.reservation), (None, None));
}
